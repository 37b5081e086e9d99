//! The few system calls for which no safe library is at hand. All unsafe code of the agent is here.

use std::io;
use std::mem::MaybeUninit;

use libc::c_int;
use socket2::{MaybeUninitSlice, MsgHdrMut, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Collects every child that has ended. PID 1 inherits the orphans of its container (`pid_namespaces(7)`).
#[expect(unsafe_code, reason = "waitpid(2) has no safe wrapper for children that std did not start")]
pub(super) fn reap_children() {
    // SAFETY: a null status pointer is allowed, and nothing else is passed.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// Sends a signal. A process that is gone or belongs to somebody else is none of the agent's business.
#[expect(unsafe_code, reason = "kill(2) has no safe wrapper in the standard library")]
pub(super) fn send_signal(pid: u32, signal: c_int) {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return };
    // SAFETY: two integers; the process sent to is another one.
    unsafe { libc::kill(pid, signal) };
}

/// Hands a non-blocking socket to the runtime, which then says when it can be read or written and when it has an error.
#[expect(unsafe_code, reason = "AsyncFd trusts its caller that the descriptor stays open and the same")]
pub(super) fn watch(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a Socket owns its descriptor, closes it only when dropped and never exchanges it.
    Ok(unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::WRITABLE | Interest::ERROR) }?)
}

/// Sets a socket option that takes an int.
#[expect(unsafe_code, reason = "socket2 does not offer IP_RECVERR, IPV6_RECVERR and IP_MTU_DISCOVER")]
pub(super) fn set_option(socket: &Socket, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    let length = libc::socklen_t::try_from(size_of::<c_int>()).map_err(io::Error::other)?;
    // SAFETY: the pointer is to a live int, and the length is that of an int.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes the next message off the error queue and returns its control messages as the kernel wrote them (`cmsg(3)`);
/// `WouldBlock` when there is none.
#[expect(
    unsafe_code,
    reason = "socket2 receives into uninitialised memory and leaves it to the caller to say how much was written"
)]
pub(super) fn receive_error(socket: &Socket) -> io::Result<Vec<u8>> {
    // The payload is the datagram that was sent; its first byte is one more than is needed.
    let mut payload = [MaybeUninit::<u8>::uninit(); 1];
    // An error, an offender's address and a few options that may come along fit twice.
    let mut control = [MaybeUninit::new(0_u8); 512];
    let mut buffers = [MaybeUninitSlice::new(&mut payload)];
    let mut message = MsgHdrMut::new().with_buffers(&mut buffers).with_control(&mut control);
    socket.recvmsg(&mut message, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)?;
    let length = message.control_len();
    // SAFETY: every byte was set to zero when the array was made, and the kernel only writes to it.
    Ok(control.iter().take(length).map(|byte| unsafe { byte.assume_init() }).collect())
}

/// The MTU of an interface of this network namespace. An ioctl, since /sys may be missing or show another namespace.
#[expect(unsafe_code, reason = "SIOCGIFMTU has no safe wrapper")]
pub(super) fn interface_mtu(socket: &Socket, interface: &str) -> io::Result<u32> {
    use std::os::fd::AsRawFd as _;

    let mut name = [0; libc::IFNAMSIZ];
    if interface.len() >= name.len() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    for (to, from) in name.iter_mut().zip(interface.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    let mut request = libc::ifreq { ifr_name: name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_mtu: 0 } };
    // SAFETY: the request is a live ifreq whose name ends with a zero byte, which is what SIOCGIFMTU takes.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU, &raw mut request) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so the kernel wrote this member.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    u32::try_from(mtu).map_err(io::Error::other)
}

/// Stands where the C library's resolver would be linked in. That one loads NSS modules of the pod's own image into a
/// static binary; a library that came to call it shall fail instead. Not to be called by anybody.
#[cfg(target_feature = "crt-static")]
mod no_resolver {
    use std::ffi::c_char;

    use libc::{addrinfo, c_int};

    #[unsafe(no_mangle)]
    #[expect(unsafe_code, reason = "a symbol of the C library is replaced, by one that touches none of its arguments")]
    extern "C" fn getaddrinfo(_: *const c_char, _: *const c_char, _: *const addrinfo, _: *mut *mut addrinfo) -> c_int {
        libc::EAI_FAIL
    }

    #[unsafe(no_mangle)]
    #[expect(unsafe_code, reason = "a symbol of the C library is replaced; there is never a list to free")]
    extern "C" fn freeaddrinfo(_: *mut addrinfo) {}
}
