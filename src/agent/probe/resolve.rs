//! Acts on [`crate::probe::ResolveSpec`]: the steps of getaddrinfo(3) with every query on record.
//!
//! hickory's resolver would do the work, but it hides the single queries, and those are the answer here. The order is
//! that of the GNU C library (`res_search`, `getaddrinfo`); its two queries for one name leave from one socket, these
//! from two, so the race of two packets in connection tracking does not show here.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::environment::{option, parse_resolv_conf};
use super::{dns, micros};
use crate::probe::{Answer, RecordType, ResolvConf, ResolveOutcome, ResolveSpec, Transport};

const DNS_PORT: u16 = 53;

/// `MAXNS` of resolv.conf(5): servers behind the third are never asked.
const MOST_SERVERS: usize = 3;

/// `RES_TIMEOUT`: seconds before the next server is asked.
const TIMEOUT_SECONDS: u32 = 5;

/// `RES_DFLRETRY`: rounds through the servers.
const ROUNDS: u32 = 2;

pub(super) async fn run(spec: &ResolveSpec) -> ResolveOutcome {
    let started = Instant::now();
    let end = started + Duration::from_millis(spec.timeout_ms);
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    let conf = fs::read_to_string("/etc/resolv.conf").map(|text| parse_resolv_conf(&text)).unwrap_or_default();
    let mut outcome = lookup(&spec.name, &hosts, &Servers { conf: &conf, port: DNS_PORT }, end).await;
    outcome.total_us = micros(started.elapsed());
    outcome
}

/// Where to ask.
struct Servers<'a> {
    conf: &'a ResolvConf,
    port: u16,
}

async fn lookup(name: &str, hosts: &str, servers: &Servers<'_>, end: Instant) -> ResolveOutcome {
    if let Ok(ip) = name.parse::<IpAddr>() {
        return found(vec![ip.to_string()], name, Vec::new());
    }
    // The order of nsswitch.conf(5) where that file is missing, as in most images: files, then dns. Entries of a pod's
    // hostAliases are here.
    let addresses = in_hosts(hosts, name);
    if !addresses.is_empty() {
        return found(addresses, "/etc/hosts", Vec::new());
    }
    let mut asking = Asking { servers, end, queries: Vec::new() };
    let mut why = None;
    for candidate in candidates(name, servers.conf) {
        match asking.ask(&candidate).await {
            Found::Addresses(addresses) => return found(addresses, &candidate, asking.queries),
            Found::Nothing(reason) => why = Some(reason),
            Found::Stop(reason) => {
                why = Some(reason);
                break;
            }
        }
    }
    let error = why.unwrap_or_else(|| String::from("not a name"));
    ResolveOutcome { addresses: Vec::new(), answered_as: None, queries: asking.queries, total_us: 0, error: Some(error) }
}

fn found(mut addresses: Vec<String>, answered_as: &str, queries: Vec<(String, RecordType, String)>) -> ResolveOutcome {
    addresses.sort();
    addresses.dedup();
    ResolveOutcome { addresses, answered_as: Some(answered_as.to_owned()), queries, total_us: 0, error: None }
}

/// The names to try, in order: one with `ndots` dots or more is tried as it is before the search list, any other after
/// it, and one that ends with a dot is tried alone.
fn candidates(name: &str, conf: &ResolvConf) -> Vec<String> {
    if let Some(absolute) = name.strip_suffix('.') {
        return vec![absolute.to_owned()];
    }
    let dots = name.bytes().filter(|byte| *byte == b'.').count();
    let is_first = u32::try_from(dots).is_ok_and(|dots| dots >= conf.ndots);
    // a search domain of `.` is the name as it is
    let mut names: Vec<String> =
        conf.search.iter().map(|domain| if domain == "." { name.to_owned() } else { format!("{name}.{domain}") }).collect();
    names.retain(|candidate| candidate != name);
    names.insert(if is_first { 0 } else { names.len() }, name.to_owned());
    names
}

/// Addresses of hosts(5) for a name.
fn in_hosts(hosts: &str, name: &str) -> Vec<String> {
    let addresses = hosts.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let ip: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then(|| ip.to_string())
    });
    addresses.collect()
}

enum Found {
    Addresses(Vec<String>),
    /// The next name may be tried.
    Nothing(String),
    /// The C library gives up on the whole search here.
    Stop(String),
}

struct Asking<'a> {
    servers: &'a Servers<'a>,
    end: Instant,
    queries: Vec<(String, RecordType, String)>,
}

impl Asking<'_> {
    /// Asks for both record types of one name, server after server.
    async fn ask(&mut self, name: &str) -> Found {
        let no_aaaa = self.servers.conf.options.iter().any(|option| option == "no-aaaa");
        let (a, aaaa) = tokio::join!(self.ask_servers(name, RecordType::A), async {
            if no_aaaa { (Vec::new(), None) } else { self.ask_servers(name, RecordType::Aaaa).await }
        });
        let (mut queries, a_answer) = a;
        let (more, aaaa_answer) = aaaa;
        queries.extend(more);
        self.queries.extend(queries);
        let answers = [a_answer, aaaa_answer];
        let addresses: Vec<String> = answers.iter().flatten().filter_map(Answer::records).flatten().cloned().collect();
        if !addresses.is_empty() {
            return Found::Addresses(addresses);
        }
        // The worst of the two decides, as a name must not be thought absent when only one of its answers says so.
        let mut verdict = Found::Nothing(format!("{name}: no addresses"));
        for answer in answers.iter().flatten() {
            match answer {
                Answer::Response { code, .. } if code == "NOERROR" => {}
                Answer::Response { code, .. } => {
                    if let Found::Nothing(why) = &mut verdict {
                        *why = format!("{name}: {code}");
                    }
                }
                Answer::TimedOut { .. } => return Found::Stop(format!("{name}: no server answered in time")),
                Answer::Refused { .. } => return Found::Stop(format!("{name}: the servers refused the connection")),
                Answer::Failed { error } => return Found::Stop(format!("{name}: {error}")),
                Answer::Unknown => {}
            }
        }
        verdict
    }

    /// Asks the servers in turn until one gives an answer that settles the question. Returns what was sent, and the last
    /// answer.
    async fn ask_servers(&self, name: &str, record: RecordType) -> (Vec<(String, RecordType, String)>, Option<Answer>) {
        let local = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
        // without a nameserver line the one on this machine is asked (resolv.conf(5))
        let servers = if self.servers.conf.nameservers.is_empty() { &local[..] } else { &self.servers.conf.nameservers };
        let limit = Duration::from_secs(u64::from(option(self.servers.conf, "timeout").unwrap_or(TIMEOUT_SECONDS).clamp(1, 30)));
        let rounds = option(self.servers.conf, "attempts").unwrap_or(ROUNDS).clamp(1, 5);
        let mut queries = Vec::new();
        let mut last = None;
        for _ in 0..rounds {
            for server in servers.iter().take(MOST_SERVERS) {
                let left = self.end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return (queries, last.or(Some(Answer::TimedOut { after_ms: 0 })));
                }
                let answer = self.ask_one(SocketAddr::from((*server, self.servers.port)), name, record, limit.min(left)).await;
                queries.push((name.to_owned(), record, in_a_word(&answer)));
                let is_settled = matches!(answer.code(), Some(code) if !["SERVFAIL", "NOTIMP", "REFUSED"].contains(&code));
                last = Some(answer);
                if is_settled {
                    return (queries, last);
                }
            }
        }
        (queries, last)
    }

    async fn ask_one(&self, server: SocketAddr, name: &str, record: RecordType, limit: Duration) -> Answer {
        if self.servers.conf.options.iter().any(|option| option == "use-vc") {
            return dns::ask(server, name, record, Transport::Tcp, limit).await;
        }
        match dns::ask(server, name, record, Transport::Udp, limit).await {
            // An answer that did not fit is asked for again over TCP; where that fails, what did fit is kept.
            cut @ Answer::Response { truncated: true, .. } => {
                let whole = dns::ask(server, name, record, Transport::Tcp, limit).await;
                if whole.is_response() { whole } else { cut }
            }
            answer @ (Answer::Response { .. }
            | Answer::TimedOut { .. }
            | Answer::Refused { .. }
            | Answer::Failed { .. }
            | Answer::Unknown) => answer,
        }
    }
}

fn in_a_word(answer: &Answer) -> String {
    match answer {
        Answer::Response { code, .. } => code.clone(),
        Answer::TimedOut { .. } => String::from("timeout"),
        Answer::Refused { .. } => String::from("connection refused"),
        Answer::Failed { error } => error.clone(),
        Answer::Unknown => String::from("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use hickory_proto::op::{Message, ResponseCode};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{self, RData, Record};
    use tokio::net::UdpSocket;

    use super::{Servers, candidates, in_hosts, lookup};
    use crate::agent::probe::environment::parse_resolv_conf;
    use crate::probe::ResolveOutcome;

    #[test]
    fn ndots_decides_whether_the_search_list_comes_first() {
        let conf = parse_resolv_conf("search shop.svc.cluster.local svc.cluster.local\noptions ndots:2\n");
        assert_eq!(candidates("web", &conf), ["web.shop.svc.cluster.local", "web.svc.cluster.local", "web"]);
        assert_eq!(candidates("web.shop", &conf), ["web.shop.shop.svc.cluster.local", "web.shop.svc.cluster.local", "web.shop"]);
        assert_eq!(candidates("a.b.c", &conf), ["a.b.c", "a.b.c.shop.svc.cluster.local", "a.b.c.svc.cluster.local"]);
        assert_eq!(candidates("web.", &conf), ["web"]);
    }

    #[test]
    fn a_root_in_the_search_list_does_not_try_a_name_twice() {
        let conf = parse_resolv_conf("search . example.org\n");
        assert_eq!(candidates("web", &conf), ["web.example.org", "web"]);
        assert_eq!(candidates("web", &parse_resolv_conf("")), ["web"]);
    }

    const HOSTS: &str = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost # loopback\n\
         10.244.1.5\tclient\n\n# Entries added by HostAliases.\n10.1.2.3\tdb.example.org\tDB\n";

    #[test]
    fn host_aliases_are_found_whatever_their_case() {
        assert_eq!(in_hosts(HOSTS, "localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(in_hosts(HOSTS, "db"), ["10.1.2.3"]);
        assert_eq!(in_hosts(HOSTS, "loopback"), [""; 0]);
        assert_eq!(in_hosts(HOSTS, "example.org"), [""; 0]);
    }

    #[tokio::test]
    async fn the_hosts_file_and_addresses_need_no_server() {
        let conf = parse_resolv_conf("");
        let servers = Servers { conf: &conf, port: 9 };
        let end = Instant::now() + Duration::from_secs(1);
        let outcome = lookup("db.example.org", HOSTS, &servers, end).await;
        assert_eq!((outcome.answered_as.as_deref(), outcome.queries.len()), (Some("/etc/hosts"), 0));
        assert_eq!(outcome.addresses, ["10.1.2.3"]);
        let outcome = lookup("::1", HOSTS, &servers, end).await;
        assert_eq!((outcome.addresses, outcome.answered_as.as_deref()), (vec![String::from("::1")], Some("::1")));
    }

    /// Answers queries as a zone of A records would, until the test ends. A name that starts with `mute` is not answered,
    /// and one that starts with `broken` is answered with SERVFAIL.
    async fn serve(zone: &'static [(&'static str, [u8; 4])]) -> u16 {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let mut message = Message::from_vec(&buffer[..length]).unwrap().into_response();
                let query = message.queries[0].clone();
                let name = query.name().to_ascii();
                if name.starts_with("mute") {
                    continue;
                }
                let address = zone.iter().find(|(known, _)| format!("{known}.") == name);
                message.metadata.response_code = match address {
                    _ if name.starts_with("broken") => ResponseCode::ServFail,
                    Some(_) => ResponseCode::NoError,
                    None => ResponseCode::NXDomain,
                };
                if let Some((_, ip)) = address
                    && query.query_type() == rr::RecordType::A
                {
                    let data = RData::A(A::from(std::net::Ipv4Addr::from(*ip)));
                    message.add_answer(Record::from_rdata(query.name().clone(), 5, data));
                }
                socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
            }
        });
        port
    }

    async fn ask(name: &str, options: &str, port: u16) -> ResolveOutcome {
        let conf = parse_resolv_conf(&format!("nameserver 127.0.0.1\nsearch shop.test test\noptions {options}\n"));
        lookup(name, "", &Servers { conf: &conf, port }, Instant::now() + Duration::from_secs(3)).await
    }

    fn told(outcome: &ResolveOutcome) -> Vec<String> {
        outcome.queries.iter().map(|(name, record, code)| format!("{name} {record:?} {code}")).collect()
    }

    #[tokio::test]
    async fn every_query_of_the_search_is_on_record() {
        let port = serve(&[("web.test", [10, 96, 0, 1])]).await;
        let outcome = ask("web", "ndots:5", port).await;
        assert_eq!((outcome.addresses, outcome.answered_as.as_deref()), (vec![String::from("10.96.0.1")], Some("web.test")));
        let outcome = ask("web", "ndots:5", port).await;
        let expected = ["web.shop.test A NXDOMAIN", "web.shop.test Aaaa NXDOMAIN", "web.test A NOERROR", "web.test Aaaa NOERROR"];
        assert_eq!(told(&outcome), expected);
        let outcome = ask("db", "no-aaaa", port).await;
        assert_eq!(told(&outcome), ["db.shop.test A NXDOMAIN", "db.test A NXDOMAIN", "db A NXDOMAIN"]);
        assert_eq!(outcome.error.as_deref(), Some("db: NXDOMAIN"));
    }

    #[tokio::test]
    async fn silence_stops_the_search_and_failure_does_not() {
        let port = serve(&[("broken.test", [10, 96, 0, 1])]).await;
        let outcome = ask("mute", "timeout:1 attempts:2 no-aaaa", port).await;
        assert_eq!(told(&outcome), ["mute.shop.test A timeout", "mute.shop.test A timeout"]);
        assert_eq!(outcome.error.as_deref(), Some("mute.shop.test: no server answered in time"));
        let outcome = ask("broken", "attempts:1 no-aaaa", port).await;
        assert_eq!(told(&outcome), ["broken.shop.test A SERVFAIL", "broken.test A SERVFAIL", "broken A SERVFAIL"]);
    }

    #[tokio::test]
    async fn a_closed_port_refuses() {
        let port = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let outcome = ask("web", "attempts:1 no-aaaa", port).await;
        assert_eq!(told(&outcome), ["web.shop.test A connection refused"]);
    }

    #[tokio::test]
    async fn no_time_left_is_said_and_nothing_is_sent() {
        let conf = parse_resolv_conf("nameserver 127.0.0.1\n");
        let outcome = lookup("web", "", &Servers { conf: &conf, port: 9 }, Instant::now()).await;
        assert_eq!(outcome.error.as_deref(), Some("web: no server answered in time"));
        assert!(outcome.queries.is_empty() && outcome.answered_as.is_none());
    }
}
