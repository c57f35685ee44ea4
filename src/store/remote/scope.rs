//! The scopes of tokens.
//!
//! Spec: <https://distribution.github.io/distribution/spec/auth/scope/>.

use std::fmt;

use super::options::Access;

/// A resource of a registry, and the access to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// A repository.
    Repository {
        /// Its path.
        path: String,
        /// The access.
        access: Access,
    },
    /// The list of repositories.
    Catalog,
}

impl Scope {
    pub(super) fn repository(path: &str, access: Access) -> Self {
        let path = path.to_owned();
        Self::Repository { path, access }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { path, access } => {
                let actions = match access {
                    Access::Pull => "pull",
                    Access::Push => "pull,push",
                };
                write!(f, "repository:{path}:{actions}")
            }
            Self::Catalog => f.write_str("registry:catalog:*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_as_token_servers_read_them() {
        for (scope, text) in [
            (
                Scope::repository("a/b", Access::Push),
                "repository:a/b:pull,push",
            ),
            (Scope::repository("a", Access::Pull), "repository:a:pull"),
            (Scope::Catalog, "registry:catalog:*"),
        ] {
            assert_eq!(scope.to_string(), text);
        }
    }
}
