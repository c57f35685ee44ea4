//! Two gateways that know nothing of each other, as a load balancer shows them: as one.

use super::http::{ask, get};
use super::*;
use crate::support::workspace;

#[test]
fn two_replicas_take_alternate_requests() {
    for (_upstream, stored) in everywhere("serve/replicas") {
        for turn in 0..2 {
            let own = [Workspace::new(), Workspace::new()];
            let replicas = own.each_ref().map(|own| stored.serve(own));
            let hosts = [turn, 1 - turn].map(|at: usize| replicas[at].host());
            let mut hosts = hosts.iter().cycle();
            let mut next = || hosts.next().unwrap().as_str();
            // As containerd asks.
            let head = ask(next(), "HEAD", &stored.tagged(), &[("Accept", "*/*")]);
            let digest = head.header("docker-content-digest").to_owned();
            assert_eq!(digest, stored.flat.to_string());
            let manifest = get(next(), &stored.manifest(&digest)).is(200);
            assert_eq!(Digest::of(&manifest.body), stored.flat);
            let config = workspace::digest(&manifest.json()["config"]["digest"]);
            let config = get(next(), &stored.blob(&config)).is(200);
            config.is_all_of(&config.body);
            assert_eq!(config.json()["os"], "wasip2");
            for _ in 0..2 {
                get(next(), &stored.whole()).is_all_of(&stored.bytes);
            }
        }
    }
}

#[test]
fn a_replica_finds_a_digest_without_earlier_requests() {
    for (_upstream, stored) in everywhere("serve/replicas-one") {
        let own = [Workspace::new(), Workspace::new()];
        let [one, other] = own.each_ref().map(|own| stored.serve(own));
        let flat = stored.manifest(&stored.flat.to_string());
        let manifest = get(&one.host(), &flat).is(200);
        assert_eq!(Digest::of(&manifest.body), stored.flat);
        get(&other.host(), &stored.whole()).is_all_of(&stored.bytes);
        // What nobody has is not found, whoever is asked.
        let nothing = stored.blob(&Digest::of(b"never pushed"));
        for gateway in [one, other] {
            assert_eq!(
                get(&gateway.host(), &nothing).is(404).code(),
                "BLOB_UNKNOWN"
            );
        }
    }
}
