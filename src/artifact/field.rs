//! Parses the parts of a manifest. Each error names the field.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Error;
use crate::digest::Digest;
use crate::manifest::{Annotations, Descriptor};
use crate::text::ascii_excerpt;

pub(super) struct ManifestField {
    name: String,
}

impl ManifestField {
    pub(super) fn new(name: String) -> Self {
        Self { name }
    }

    pub(super) fn wrong(&self, reason: String) -> Error {
        let place = self.name.clone();
        Error::Descriptor { place, reason }
    }

    pub(super) fn descriptor(&self, value: Value) -> Result<Descriptor, Error> {
        // serde would parse a struct from a JSON list too.
        if !value.is_object() {
            return Err(self.wrong("it is not an object".to_owned()));
        }
        Descriptor::deserialize(value).map_err(|error| self.wrong(error.to_string()))
    }

    pub(super) fn text<'a>(
        &self,
        annotations: &'a Annotations,
        key: &str,
    ) -> Result<&'a str, Error> {
        let text = annotations.get(key).map(String::as_str);
        text.ok_or_else(|| self.wrong(format!("the annotation {key} is missing")))
    }

    pub(super) fn parse_digest(
        &self,
        annotations: &Annotations,
        key: &str,
    ) -> Result<Digest, Error> {
        let text = self.text(annotations, key)?;
        text.parse()
            .map_err(|error| self.wrong(format!("{key}: {error}")))
    }

    /// Parses a decimal number without sign or leading zeros, so that every number has one form.
    pub(super) fn number(&self, annotations: &Annotations, key: &str) -> Result<u64, Error> {
        self.size(key, self.text(annotations, key)?)
    }

    /// Parses a list of such numbers, separated by commas. Returns nothing if there is no such annotation.
    pub(super) fn numbers(
        &self,
        annotations: &Annotations,
        key: &str,
    ) -> Result<Option<Vec<u64>>, Error> {
        let list = annotations.get(key);
        let sizes = list.map(|list| list.split(',').map(|text| self.size(key, text)).collect());
        sizes.transpose()
    }

    fn size(&self, key: &str, text: &str) -> Result<u64, Error> {
        let plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
        let number = plain.then(|| text.parse().ok()).flatten();
        number.ok_or_else(|| {
            self.wrong(format!(
                "{key}: `{}` is not a size in bytes",
                ascii_excerpt(text)
            ))
        })
    }

    /// Parses an annotation that is JSON. Returns nothing if there is no such annotation.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        annotations: &Annotations,
        key: &str,
    ) -> Result<Option<T>, Error> {
        let json = annotations.get(key);
        let value = json.map(|json| serde_json::from_str(json)).transpose();
        value.map_err(|error| self.wrong(format!("{key}: {error}")))
    }
}
