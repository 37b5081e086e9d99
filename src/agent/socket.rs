//! Sockets that know who refused them: the error queue of `IP_RECVERR` and `IPV6_RECVERR` (ip(7), ipv6(7)).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::sys;
use crate::probe::Refuser;

/// An error that the network or the kernel reported about something this socket sent (`sock_extended_err`, ip(7)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reported {
    pub errno: i32,
    pub origin: Origin,
    pub icmp_type: u8,
    pub code: u8,
    /// For `EMSGSIZE` the MTU in bytes.
    pub info: u32,
    /// The router or host that sent the ICMP message.
    pub offender: Option<IpAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Icmp,
    Icmp6,
    /// The kernel of this machine, without a message on the network.
    Local,
}

/// What a datagram socket had to say.
pub(super) enum Event {
    /// This many bytes of the buffer were filled.
    Datagram(usize),
    Error(Reported),
    /// An error without an entry in the queue.
    Failed(io::Error),
}

/// A non-blocking socket with its error queue turned on.
pub(super) struct ErrorSocket(AsyncFd<Socket>);

impl ErrorSocket {
    /// A UDP socket towards this address; only what it sends comes back to it.
    pub(super) fn connected_udp(to: SocketAddr) -> io::Result<Self> {
        let socket = new(to.ip(), Type::DGRAM, Protocol::UDP)?;
        socket.connect(&SockAddr::from(to))?;
        Self::register(socket)
    }

    /// A datagram socket that is not connected.
    pub(super) fn datagram(towards: IpAddr, protocol: Protocol) -> io::Result<Self> {
        Self::register(new(towards, Type::DGRAM, protocol)?)
    }

    fn register(socket: Socket) -> io::Result<Self> {
        sys::watch(socket).map(Self)
    }

    pub(super) fn socket(&self) -> &Socket {
        self.0.get_ref()
    }

    /// Sends on a connected socket.
    pub(super) fn send(&self, payload: &[u8]) -> io::Result<()> {
        match self.socket().send(payload) {
            // The error of an earlier datagram is reported once, by the next call, which then has sent nothing.
            Err(error) if error.raw_os_error() == Some(libc::ECONNREFUSED) => self.socket().send(payload).map(drop),
            other => other.map(drop),
        }
    }

    /// Waits for a datagram or an error.
    pub(super) async fn next(&self, buffer: &mut [u8]) -> io::Result<Event> {
        use std::io::Read as _;

        loop {
            let mut ready = self.0.ready(Interest::READABLE | Interest::ERROR).await?;
            // The queue first: it says who sent the error that the next call would only name.
            match take_reported(self.socket()) {
                Ok(reported) => return Ok(Event::Error(reported)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            match self.socket().read(buffer) {
                Ok(length) => return Ok(Event::Datagram(length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) => return Ok(Event::Failed(error)),
            }
        }
    }

    /// The source address that the kernel chose.
    pub(super) fn local_ip(&self) -> Option<IpAddr> {
        local_ip(self.socket())
    }
}

/// A TCP connection that opened.
pub(super) struct Connection {
    pub stream: tokio::net::TcpStream,
    pub local: SocketAddr,
    pub after: Duration,
}

/// A TCP connection that did not open.
pub(super) struct ConnectError {
    pub errno: Option<i32>,
    pub error: io::Error,
    pub by: Refuser,
    pub after: Duration,
}

/// Opens a TCP connection, however long the kernel tries.
pub(super) async fn connect(to: SocketAddr) -> Result<Connection, ConnectError> {
    let started = Instant::now();
    let local_failure =
        |error: io::Error| ConnectError { errno: error.raw_os_error(), error, by: Refuser::Local {}, after: started.elapsed() };
    let socket = new(to.ip(), Type::STREAM, Protocol::TCP).map_err(local_failure)?;
    match socket.connect(&SockAddr::from(to)) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        // An error at once is the kernel's own: no route, or a program on the cgroup's connect hook. What the network
        // answers, even over loopback, is only seen after the call has returned.
        Err(error) => return Err(local_failure(error)),
    }
    let socket = sys::watch(socket).map_err(local_failure)?;
    loop {
        let mut ready = socket.ready(Interest::WRITABLE | Interest::ERROR).await.map_err(local_failure)?;
        let after = started.elapsed();
        if let Some(error) = socket.get_ref().take_error().map_err(local_failure)? {
            let reported = take_reported(socket.get_ref()).ok();
            let by = refuser(reported.as_ref(), local_ip(socket.get_ref()), to.ip(), error.raw_os_error());
            return Err(ConnectError { errno: error.raw_os_error(), error, by, after });
        }
        // Writable without an error is not yet open when only an ICMP message that ends nothing has come in.
        if socket.get_ref().peer_addr().is_ok() {
            let socket = socket.into_inner();
            let local = socket.local_addr().ok().and_then(|address| address.as_socket());
            let local = local.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
            let stream = tokio::net::TcpStream::from_std(socket.into()).map_err(local_failure)?;
            return Ok(Connection { stream, local, after });
        }
        ready.clear_ready();
    }
}

/// Who stands behind an error. An ICMP message from this machine's own address is the kernel telling itself: a
/// neighbour that did not answer, or a rule of its own.
pub(super) fn refuser(reported: Option<&Reported>, local: Option<IpAddr>, to: IpAddr, errno: Option<i32>) -> Refuser {
    match reported {
        Some(Reported { origin: Origin::Icmp | Origin::Icmp6, offender: Some(from), icmp_type, code, .. }) => {
            if Some(*from) == local && *from != to {
                Refuser::Local {}
            } else {
                Refuser::Icmp { from: *from, icmp_type: *icmp_type, code: *code }
            }
        }
        None if matches!(errno, Some(libc::ECONNREFUSED | libc::ECONNRESET)) => Refuser::Rst {},
        Some(_) | None => Refuser::Local {},
    }
}

/// The name of an error number as errno(3) has it, or the system's words for a rare one.
pub(super) fn errno_name(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(libc::EACCES) => "EACCES",
        Some(libc::EPERM) => "EPERM",
        Some(libc::ECONNREFUSED) => "ECONNREFUSED",
        Some(libc::ECONNRESET) => "ECONNRESET",
        Some(libc::EHOSTUNREACH) => "EHOSTUNREACH",
        Some(libc::ENETUNREACH) => "ENETUNREACH",
        Some(libc::EHOSTDOWN) => "EHOSTDOWN",
        Some(libc::ENOPROTOOPT) => "ENOPROTOOPT",
        Some(libc::EPROTO) => "EPROTO",
        Some(libc::EMSGSIZE) => "EMSGSIZE",
        Some(libc::EADDRNOTAVAIL) => "EADDRNOTAVAIL",
        Some(libc::EAFNOSUPPORT) => "EAFNOSUPPORT",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::EMFILE) => "EMFILE",
        Some(libc::ENOBUFS) => "ENOBUFS",
        Some(libc::EPIPE) => "EPIPE",
        Some(libc::ETIMEDOUT) => "ETIMEDOUT",
        _ => return error.to_string(),
    };
    name.to_owned()
}

fn new(towards: IpAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(if towards.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 }, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    match towards {
        IpAddr::V4(_) => sys::set_option(&socket, libc::SOL_IP, libc::IP_RECVERR, 1)?,
        IpAddr::V6(_) => sys::set_option(&socket, libc::SOL_IPV6, libc::IPV6_RECVERR, 1)?,
    }
    Ok(socket)
}

fn local_ip(socket: &Socket) -> Option<IpAddr> {
    Some(socket.local_addr().ok()?.as_socket()?.ip())
}

fn take_reported(socket: &Socket) -> io::Result<Reported> {
    let control = sys::receive_error(socket)?;
    parse_control(&control).ok_or_else(|| io::Error::other("an error queue entry without an error"))
}

/// Finds the extended error among the control messages of an error queue entry.
fn parse_control(mut control: &[u8]) -> Option<Reported> {
    // struct cmsghdr: the length with the header, the level and the type; each message starts at a multiple of a word.
    const WORD: usize = size_of::<usize>();
    loop {
        let (length, rest) = control.split_first_chunk::<WORD>()?;
        let (level, rest) = rest.split_first_chunk::<4>()?;
        let (kind, _) = rest.split_first_chunk::<4>()?;
        let length = usize::from_ne_bytes(*length);
        let data = control.get(WORD + 8..length)?;
        match (i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind)) {
            (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR) => return parse_extended(data),
            _ => control = control.get(length.next_multiple_of(WORD)..)?,
        }
    }
}

/// Reads a `sock_extended_err` and the address behind it.
fn parse_extended(data: &[u8]) -> Option<Reported> {
    let (errno, rest) = data.split_first_chunk::<4>()?;
    let (&[origin, icmp_type, code, _], rest) = rest.split_first_chunk::<4>()?;
    let (info, rest) = rest.split_first_chunk::<4>()?;
    let offender = rest.get(4..).and_then(parse_address);
    let origin = match origin {
        libc::SO_EE_ORIGIN_ICMP => Origin::Icmp,
        libc::SO_EE_ORIGIN_ICMP6 => Origin::Icmp6,
        _ => Origin::Local,
    };
    let errno = i32::from_ne_bytes(*errno);
    Some(Reported { errno, origin, icmp_type, code, info: u32::from_ne_bytes(*info), offender })
}

/// Reads a `sockaddr_in` or `sockaddr_in6`. The family is 0 when the kernel knows no offender.
fn parse_address(data: &[u8]) -> Option<IpAddr> {
    let (family, rest) = data.split_first_chunk::<2>()?;
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => Some(IpAddr::V4(Ipv4Addr::from(*rest.get(2..)?.first_chunk::<4>()?))),
        libc::AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(*rest.get(6..)?.first_chunk::<16>()?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, Refuser, parse_control, refuser};

    /// A timestamp, then the port unreachable that 10.0.0.9 sent.
    fn queue_entry() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut message = |level: i32, kind: i32, data: &[u8]| {
            bytes.extend((16 + data.len()).to_ne_bytes());
            bytes.extend(level.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(data);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        };
        message(libc::SOL_SOCKET, libc::SO_TIMESTAMP, &[1; 12]);
        let mut error = Vec::new();
        error.extend(libc::ECONNREFUSED.to_ne_bytes());
        error.extend([libc::SO_EE_ORIGIN_ICMP, 3, 3, 0]);
        error.extend([0; 8]);
        error.extend(u16::try_from(libc::AF_INET).unwrap().to_ne_bytes());
        error.extend([0, 0, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
        message(libc::SOL_IP, libc::IP_RECVERR, &error);
        bytes
    }

    #[test]
    fn the_offender_is_read_behind_other_messages() {
        let reported = parse_control(&queue_entry()).unwrap();
        assert_eq!((reported.errno, reported.origin), (libc::ECONNREFUSED, Origin::Icmp));
        assert_eq!((reported.icmp_type, reported.code), (3, 3));
        assert_eq!(reported.offender, Some("10.0.0.9".parse().unwrap()));
    }

    #[test]
    fn a_cut_entry_is_no_entry() {
        let entry = queue_entry();
        for length in 0..entry.len() - 16 {
            assert_eq!(parse_control(&entry[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn an_own_address_is_the_kernel_itself() {
        let reported = parse_control(&queue_entry()).unwrap();
        let ip = |text: &str| text.parse().unwrap();
        let by = |local, to| refuser(Some(&reported), Some(ip(local)), ip(to), None);
        assert_eq!(by("10.0.0.9", "10.0.0.1"), Refuser::Local {});
        assert_eq!(by("10.0.0.9", "10.0.0.9"), Refuser::Icmp { from: ip("10.0.0.9"), icmp_type: 3, code: 3 });
        assert_eq!(by("10.0.0.7", "10.0.0.1"), Refuser::Icmp { from: ip("10.0.0.9"), icmp_type: 3, code: 3 });
        assert_eq!(refuser(None, None, ip("10.0.0.1"), Some(libc::ECONNREFUSED)), Refuser::Rst {});
        assert_eq!(refuser(None, None, ip("10.0.0.1"), Some(libc::EHOSTUNREACH)), Refuser::Local {});
    }
}
