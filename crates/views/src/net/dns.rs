//! DNS messages in payloads (RFC 1035).

use std::collections::BTreeMap;

use serde::Serialize;
use simple_dns::rdata::RData;
use simple_dns::{Name, Packet, PacketFlag};
use sysreel_inspect::calls::Call;
use sysreel_inspect::visible::visible_bytes;

/// A name that was looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Lookup {
    /// The name.
    pub name: String,
    /// The type of record: `A`, `AAAA`, ...
    pub record: String,
    /// What was answered: addresses and names. Empty if no answer is in the log.
    pub answers: Vec<String>,
    /// The code of the answer: `NoError`, `NameError`; `null` if no answer is in the log.
    pub code: Option<String>,
    /// How often it was asked.
    pub asked: u64,
    /// The program that asked; empty if the log does not name it.
    pub exe: String,
    /// The number of the first event.
    pub event: u64,
}

/// The most names that are remembered.
const MOST: usize = 100_000;
/// The most answers for a name.
const MOST_ANSWERS: usize = 100;

#[derive(Default)]
pub(super) struct Lookups {
    /// By name and type.
    found: BTreeMap<(String, String), Lookup>,
    /// The names of each address.
    names: BTreeMap<String, Vec<String>>,
}

impl Lookups {
    /// Takes a payload that may be a message.
    pub(super) fn message(&mut self, call: &Call<'_>, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else { return };
        let is_answer = packet.has_flags(PacketFlag::RESPONSE);
        for question in &packet.questions {
            let name = name_text(&question.qname);
            let record = format!("{:?}", question.qtype);
            // `TYPE(A)`: the name of the variant and what it wraps.
            let record = record.trim_start_matches("TYPE(").trim_end_matches(')').to_owned();
            if self.found.len() >= MOST {
                return;
            }
            let lookup =
                self.found.entry((name.clone(), record.clone())).or_insert_with(|| Lookup {
                    name: name.clone(),
                    record,
                    answers: Vec::new(),
                    code: None,
                    asked: 0,
                    exe: call.task().program().map(visible_bytes).unwrap_or_default(),
                    event: call.number(),
                });
            if !is_answer {
                lookup.asked = lookup.asked.saturating_add(1);
                continue;
            }
            lookup.code = Some(format!("{:?}", packet.rcode()));
            for answer in &packet.answers {
                let text = match &answer.rdata {
                    RData::A(a) => std::net::Ipv4Addr::from(a.address).to_string(),
                    RData::AAAA(a) => std::net::Ipv6Addr::from(a.address).to_string(),
                    RData::CNAME(name) => name_text(&name.0),
                    _ => continue,
                };
                let names = self.names.entry(text.clone()).or_default();
                if !names.contains(&name) && names.len() < MOST_ANSWERS {
                    names.push(name.clone());
                }
                if !lookup.answers.contains(&text) && lookup.answers.len() < MOST_ANSWERS {
                    lookup.answers.push(text);
                }
            }
        }
    }

    /// Returns the names whose lookup had an address (with a port) as its answer.
    pub(super) fn names_of(&self, address: Option<&str>) -> Vec<String> {
        let ip = address.and_then(|address| address.parse::<std::net::SocketAddr>().ok());
        let names = ip.and_then(|ip| self.names.get(&ip.ip().to_string()));
        names.cloned().unwrap_or_default()
    }

    pub(super) fn finish(self) -> Vec<Lookup> {
        let mut lookups: Vec<Lookup> = self.found.into_values().collect();
        lookups.sort_by_key(|lookup| lookup.event);
        lookups
    }
}

/// Returns a name. Its labels may hold any bytes.
fn name_text(name: &Name<'_>) -> String {
    name.as_bytes().map(visible_bytes).collect::<Vec<_>>().join(".")
}
