//! Contents that come from a delta instead of the blob that a manifest names.
//!
//! They have the names of decoded contents, with the digest of the named blob. A client gets one only from a
//! repository that has this blob.

use std::io::{self, Read, Seek};

use super::{ContentKey, Engine};
use crate::digest::Identity;
use crate::encoding::{Decoder, EncodedBlob};
use crate::store::Error;
use crate::store::spool::Spool;

impl Engine {
    /// Returns whether some bytes, or the blob that they are decoded from, are on this machine. Verifies nothing.
    /// Blocks.
    pub fn has(&self, wanted: &ContentKey) -> bool {
        self.files.exists(wanted) || self.files.exists(&ContentKey::Blob(wanted.blob()))
    }

    /// Returns whether a content is on this machine and its blob is not. Verifies nothing. Blocks.
    pub fn has_only_content(&self, stored: EncodedBlob, content: Identity) -> bool {
        let wanted = ContentKey::content(stored, content);
        self.files.exists(&wanted) && !self.files.exists(&ContentKey::Blob(stored.blob))
    }

    /// Opens a content, or decodes its blob, if either is on this machine. The caller verifies the content. Blocks.
    pub fn open_content(
        &self,
        stored: EncodedBlob,
        content: Identity,
    ) -> io::Result<Option<Box<dyn Read>>> {
        let find = |wanted| self.files.find(&wanted).map_err(io::Error::other);
        if let Some(mut file) = find(ContentKey::content(stored, content))? {
            // The check may have read it.
            file.rewind()?;
            return Ok(Some(Box::new(file)));
        }
        let Some(mut blob) = find(ContentKey::Blob(stored.blob))? else {
            return Ok(None);
        };
        blob.rewind()?;
        let reader = Decoder::new(blob, stored.encoding, content.size)?;
        Ok(Some(Box::new(reader)))
    }

    /// Returns an empty spool for a content. Blocks.
    pub fn content_spool(&self, stored: EncodedBlob, content: Identity) -> Result<Spool, Error> {
        let (spool, _) = self.files.spool(&ContentKey::content(stored, content))?;
        Ok(spool)
    }

    /// Adds the verified content of a blob. Blocks.
    pub fn adopt_content(
        &self,
        stored: EncodedBlob,
        content: Identity,
        spool: Spool,
    ) -> Result<(), Error> {
        let wanted = ContentKey::content(stored, content);
        self.files.adopt(&wanted, spool).map(drop)
    }
}
