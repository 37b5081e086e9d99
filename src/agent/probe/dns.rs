//! Acts on [`crate::probe::DnsSpec`]: one question to one server over a socket of its own.
//!
//! The messages are hickory's, the sockets are not: its resolvers retry, cache and choose among servers, and what is
//! wanted here is what one server said to one packet.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{self, DNSClass, Name, RData};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{micros, millis};
use crate::agent::socket::{ErrorSocket, Event, Origin, connect, errno_name};
use crate::probe::{Answer, DnsOutcome, DnsSpec, Latency, RecordType, Transport};

pub(super) async fn run(spec: &DnsSpec) -> DnsOutcome {
    let server = SocketAddr::from((spec.server, spec.port));
    let limit = Duration::from_millis(spec.timeout_ms);
    let mut attempts = Vec::new();
    let mut times = Vec::new();
    for _ in 0..spec.attempts {
        let answer = ask(server, &spec.name, spec.record, spec.transport, limit).await;
        if let Answer::Response { after_us, .. } = answer {
            times.push(after_us);
        }
        attempts.push(answer);
    }
    DnsOutcome { attempts, query: Latency::of(spec.attempts, times) }
}

/// Asks one server once for one absolute name.
pub(super) async fn ask(server: SocketAddr, name: &str, record: RecordType, over: Transport, limit: Duration) -> Answer {
    let Some(query) = question(name, record) else {
        return Answer::Failed { error: format!("{name:?} is not a DNS name") };
    };
    let started = Instant::now();
    let exchange = async {
        match over {
            Transport::Udp => over_udp(server, &query).await,
            Transport::Tcp => over_tcp(server, &query).await,
        }
    };
    match timeout(limit, exchange).await {
        Ok(Ok(response)) => read(&response, record, micros(started.elapsed())),
        Ok(Err(Failure::Refused)) => Answer::Refused { after_us: micros(started.elapsed()) },
        Ok(Err(Failure::TimedOut)) => Answer::TimedOut { after_ms: millis(started.elapsed()) },
        Ok(Err(Failure::Other(error))) => Answer::Failed { error },
        Err(_) => Answer::TimedOut { after_ms: millis(limit) },
    }
}

enum Failure {
    Refused,
    TimedOut,
    Other(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.raw_os_error() == Some(libc::ECONNREFUSED) { Self::Refused } else { Self::Other(errno_name(&error)) }
    }
}

/// A query with a random id, recursion desired and, as the C library asks, without EDNS: then an answer that does not
/// fit 512 bytes has its TC bit set, as an application would see it.
fn question(name: &str, record: RecordType) -> Option<Message> {
    let mut name = Name::from_str_relaxed(name).ok()?;
    name.set_fqdn(true);
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Query;
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, wire_type(record)));
    Some(message)
}

fn wire_type(record: RecordType) -> rr::RecordType {
    match record {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Srv => rr::RecordType::SRV,
        RecordType::Ptr => rr::RecordType::PTR,
    }
}

async fn over_udp(server: SocketAddr, query: &Message) -> Result<Message, Failure> {
    let socket = ErrorSocket::connected_udp(server)?;
    socket.send(&encode(query)?)?;
    let mut buffer = [0; 4096];
    loop {
        let length = match socket.next(&mut buffer).await? {
            Event::Datagram(length) => length,
            Event::Failed(error) => return Err(error.into()),
            Event::Error(reported) if reported.errno == libc::ECONNREFUSED => return Err(Failure::Refused),
            Event::Error(reported) => {
                let error = errno_name(&io::Error::from_raw_os_error(reported.errno));
                let by = reported.offender.filter(|_| reported.origin != Origin::Local);
                return Err(Failure::Other(by.map_or_else(|| error.clone(), |from| format!("{error} from {from}"))));
            }
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        // Anything else on this port is a late or a forged answer: the real one may still come.
        if bytes.get(..2) == Some(&query.metadata.id.to_be_bytes())
            && let Some(response) = decode(bytes, query)?
        {
            return Ok(response);
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &Message) -> Result<Message, Failure> {
    let mut stream = connect(server).await.map_err(|failed| match failed.errno {
        Some(libc::ETIMEDOUT) => Failure::TimedOut,
        _ => Failure::from(failed.error),
    })?;
    let bytes = encode(query)?;
    let length = u16::try_from(bytes.len()).map_err(|error| Failure::Other(format!("query too long: {error}")))?;
    // Length and query in one write: some servers close when the first segment holds the length alone.
    stream.stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await?;
    let mut answer = vec![0; usize::from(stream.stream.read_u16().await?)];
    stream.stream.read_exact(&mut answer).await?;
    decode(&answer, query)?.ok_or_else(|| Failure::Other(String::from("an answer to another question")))
}

fn encode(query: &Message) -> Result<Vec<u8>, Failure> {
    query.to_vec().map_err(|error| Failure::Other(error.to_string()))
}

/// Reads a response; `None` when it does not belong to this query (RFC 5452, section 9.1).
fn decode(bytes: &[u8], query: &Message) -> Result<Option<Message>, Failure> {
    let response = Message::from_vec(bytes).map_err(|error| Failure::Other(format!("unreadable response: {error}")))?;
    let is_ours = response.metadata.id == query.metadata.id && response.metadata.message_type == MessageType::Response;
    // A server that refuses or fails early may leave the question out.
    let is_same = response.queries == query.queries
        || (response.queries.is_empty() && response.metadata.response_code != ResponseCode::NoError);
    Ok((is_ours && is_same).then_some(response))
}

fn read(response: &Message, record: RecordType, after_us: u64) -> Answer {
    let mut records = Vec::new();
    let mut aliases = Vec::new();
    for answer in response.answers.iter().filter(|answer| answer.dns_class == DNSClass::IN) {
        match (&answer.data, record) {
            (RData::CNAME(to), _) => aliases.push(plain(&to.0)),
            (RData::A(ip), RecordType::A) => records.push(ip.0.to_string()),
            (RData::AAAA(ip), RecordType::Aaaa) => records.push(ip.0.to_string()),
            (RData::SRV(to), RecordType::Srv) => records.push(plain(&to.target)),
            (RData::PTR(to), RecordType::Ptr) => records.push(plain(&to.0)),
            _ => {}
        }
    }
    records.sort();
    let code = code_name(response.metadata.response_code.into());
    Answer::Response { code, records, aliases, truncated: response.metadata.truncation, after_us }
}

/// A name in ASCII, without the dot of the root.
fn plain(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').filter(|rest| !rest.is_empty()).map_or_else(|| text.clone(), str::to_owned)
}

/// Response codes as IANA's registry of DNS parameters names them, in the upper case of RFC 1035.
fn code_name(code: u16) -> String {
    let name = match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        _ => return format!("RCODE{code}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, ResponseCode};
    use hickory_proto::rr::rdata::{A, CNAME};
    use hickory_proto::rr::{Name, RData, Record};

    use super::{code_name, decode, plain, question, read};
    use crate::probe::{Answer, RecordType};

    fn response_to(query: &Message) -> Message {
        let mut response = query.clone().into_response();
        let name = |text: &str| Name::from_ascii(text).unwrap();
        response.add_answer(Record::from_rdata(name("web.shop."), 5, RData::CNAME(CNAME(name("b.shop.")))));
        response.add_answer(Record::from_rdata(name("b.shop."), 5, RData::A(A::new(10, 0, 0, 2))));
        response.add_answer(Record::from_rdata(name("b.shop."), 5, RData::A(A::new(10, 0, 0, 1))));
        response
    }

    #[test]
    fn records_are_sorted_and_aliases_in_order() {
        let query = question("web.shop", RecordType::A).unwrap();
        let answer = read(&response_to(&query), RecordType::A, 7);
        let Answer::Response { code, records, aliases, truncated, after_us } = answer else { panic!("{answer:?}") };
        assert_eq!((code.as_str(), truncated, after_us), ("NOERROR", false, 7));
        assert_eq!(records, ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(aliases, ["b.shop"]);
    }

    #[test]
    fn only_the_answer_to_this_query_counts() {
        let query = question("web.shop", RecordType::A).unwrap();
        let response = response_to(&query);
        let accepted = |message: &Message| decode(&message.to_vec().unwrap(), &query).ok().flatten().is_some();
        assert!(accepted(&response));
        assert!(!accepted(&query), "a query is no response");
        let mut other_id = response.clone();
        other_id.metadata.id ^= 1;
        assert!(!accepted(&other_id));
        let mut other_name = question("db.shop", RecordType::A).unwrap();
        other_name.metadata.id = query.metadata.id;
        assert!(!accepted(&other_name.into_response()));
        let mut bare = response;
        bare.queries.clear();
        assert!(!accepted(&bare), "success without a question");
        bare.answers.clear();
        bare.metadata.response_code = ResponseCode::Refused;
        assert!(accepted(&bare), "a refusal without a question");
    }

    #[test]
    fn codes_have_their_registered_names() {
        assert_eq!(code_name(ResponseCode::NXDomain.into()), "NXDOMAIN");
        assert_eq!(code_name(2), "SERVFAIL");
        assert_eq!(code_name(4000), "RCODE4000");
    }

    #[test]
    fn names_lose_only_the_last_dot() {
        assert_eq!(plain(&Name::from_ascii("a.b.").unwrap()), "a.b");
        assert_eq!(plain(&Name::root()), ".");
        assert!(question("_http._tcp.web.shop", RecordType::Srv).is_some());
        assert!(question("a..b", RecordType::A).is_none());
    }
}
