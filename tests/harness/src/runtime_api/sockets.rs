//! The function's own sockets, as its kernel has them.

use std::net::TcpStream;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::Function;

impl Function {
    /// Copies of the process's connections to the Runtime API, to look at their options.
    ///
    /// # Panics
    /// Where the kernel does not let a parent look into its child.
    pub fn connections(&self) -> Vec<TcpStream> {
        let id = Pid::from_raw(self.process_id.cast_signed()).expect("an id");
        let process = pidfd_open(id, PidfdFlags::empty()).expect("the process");
        let numbers = std::fs::read_dir(format!("/proc/{}/fd", self.process_id)).expect("its descriptors");
        let numbers = numbers.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        // One may be closed in the meantime.
        let copies =
            numbers.filter_map(|number| match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
                Err(rustix::io::Errno::PERM) => {
                    panic!("the kernel does not let a parent look into its child")
                }
                copy => copy.ok(),
            });
        copies.map(TcpStream::from).filter(|socket| socket.peer_addr().ok() == Some(self.api)).collect()
    }
}
