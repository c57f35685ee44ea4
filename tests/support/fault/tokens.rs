//! A token server that looks at what it is asked for, and a registry that looks at what a token is good for.

use super::http::{Answer, Head, parameters};
use super::{Auth, Shared, TokenClient, serve};

/// What the registry is called.
const SERVICE: &str = "fault";

/// One action for one resource, such as `repository:demo/app:pull`.
fn actions(scope: &str) -> impl Iterator<Item = String> + '_ {
    let (resource, actions) = scope.rsplit_once(':').unwrap_or((scope, ""));
    actions
        .split(',')
        .map(move |action| format!("{resource}:{action}"))
}

pub(super) fn token(shared: &Shared, head: &Head, body: &[u8]) -> Answer {
    let Auth::Scoped { who, given, greedy } = &shared.settings.auth else {
        return Answer::new(404);
    };
    let refusal = |words: &str| Answer::error(401, "UNAUTHORIZED", words);
    let form = String::from_utf8_lossy(body);
    let (parameters_from, member) = match who {
        TokenClient::Identity(_) => (&*form, "access_token"),
        _ => (head.query.as_str(), "token"),
    };
    let one = |name| {
        let mut values = parameters(parameters_from, name);
        values.next().filter(|_| values.next().is_none())
    };
    let known = match who {
        TokenClient::Everybody => head.method == "GET" && head.header("authorization").is_none(),
        TokenClient::Password(username, password) => {
            head.method == "GET"
                && head.header("authorization") == Some(&serve::basic(username, password))
        }
        TokenClient::Identity(token) => {
            head.method == "POST"
                && head.query.is_empty()
                && head.header("authorization").is_none()
                && head.header("content-type") == Some("application/x-www-form-urlencoded")
                && one("grant_type").as_deref() == Some("refresh_token")
                && one("client_id").as_deref() == Some("wharf")
                && one("refresh_token").as_deref() == Some(token)
        }
    };
    if !known || one("service").as_deref() != Some(SERVICE) {
        return refusal("incorrect username or password");
    }
    // A form has one parameter for all of them, a query one for each.
    let scopes: Vec<String> = match who {
        TokenClient::Identity(_) => one("scope").into_iter().collect(),
        _ => parameters(parameters_from, "scope").collect(),
    };
    let mut asked: Vec<String> = scopes
        .iter()
        .flat_map(|scopes| scopes.split(' '))
        .flat_map(actions)
        .collect();
    let before = asked.len();
    asked.retain(|action| given.contains(&action.as_str()));
    if asked.len() < before && *greedy != 0 {
        return Answer::error(*greedy, "DENIED", "requested access is denied");
    }
    let mut state = shared.state();
    state.issued += 1;
    let token = format!("token-{}", state.issued);
    let body = format!(r#"{{"{member}":"{token}"}}"#);
    state.scopes.insert(token, asked);
    Answer::new(200).body(body.into_bytes())
}

/// What a request needs.
fn needed(head: &Head) -> Vec<String> {
    let path = head.path.strip_prefix("/v2/").unwrap_or_default();
    let Some((repository, _)) = ["/blobs/", "/manifests/", "/tags/"]
        .iter()
        .find_map(|part| path.split_once(part))
    else {
        return match path {
            "_catalog" => vec!["registry:catalog:*".to_owned()],
            _ => Vec::new(),
        };
    };
    let action = match head.method.as_str() {
        "GET" | "HEAD" => "pull",
        _ => "push",
    };
    let source = head.parameter("from");
    let source = source.map(|source| format!("repository:{source}:pull"));
    [format!("repository:{repository}:{action}")]
        .into_iter()
        .chain(source)
        .collect()
}

pub(super) fn refuse(shared: &Shared, head: &Head) -> Option<Answer> {
    let shown = head.header("authorization");
    let token = shown.and_then(|shown| shown.strip_prefix("Bearer "));
    let needed = needed(head);
    let state = shared.state();
    if let Some(scopes) = token.and_then(|token| state.scopes.get(token))
        && needed.iter().all(|action| scopes.contains(action))
    {
        return None;
    }
    let challenge = format!(
        r#"Bearer realm="http://{}/token",service="{SERVICE}",scope="{}""#,
        shared.address,
        needed.join(" ")
    );
    let answer = Answer::error(401, "UNAUTHORIZED", "authentication required");
    Some(answer.header("www-authenticate", challenge))
}
