//! Messages with descriptors over a stream socket: four octets of length, then the message; a descriptor comes with the
//! first octet.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// Octets of the length.
const HEADER: usize = 4;

/// One end.
pub(super) struct Channel {
    stream: UnixStream,
    /// Most octets of a message that comes in.
    limit: usize,
    incoming: Incoming,
}

/// A message of which the rest is still to come.
struct Incoming {
    octets: Zeroizing<Vec<u8>>,
    filled: usize,
    file: Option<OwnedFd>,
}

impl Incoming {
    fn new() -> Self {
        Incoming { octets: Zeroizing::new(vec![0; HEADER]), filled: 0, file: None }
    }

    /// How long the message is, once that is known.
    fn length(&self) -> Option<usize> {
        let header: [u8; HEADER] = self.octets.get(..HEADER)?.try_into().ok()?;
        (self.filled >= HEADER).then(|| u32::from_le_bytes(header) as usize)
    }
}

/// A message as it goes over the wire. It may hold secrets, and is wiped.
fn encode(message: &impl Serialize) -> io::Result<Zeroizing<Vec<u8>>> {
    // the right size at once: what grows leaves copies behind
    let length = postcard::experimental::serialized_size(message).map_err(io::Error::other)?;
    let header = u32::try_from(length).map_err(io::Error::other)?.to_le_bytes();
    let mut octets = Zeroizing::new(vec![0; HEADER + length]);
    let (head, body) = octets.split_at_mut(HEADER);
    head.copy_from_slice(&header);
    postcard::to_slice(message, body).map_err(io::Error::other)?;
    Ok(octets)
}

fn decode<M: DeserializeOwned>(octets: &[u8]) -> io::Result<M> {
    postcard::from_bytes(octets.get(HEADER..).unwrap_or_default()).map_err(io::Error::other)
}

/// Sends what it can of it; the descriptor goes with the first octet.
fn send_some(stream: impl std::os::fd::AsFd, octets: &[u8], file: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = file.as_slice();
    if !files.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(files));
    }
    Ok(sendmsg(stream, &[IoSlice::new(octets)], &mut ancillary, SendFlags::NOSIGNAL)?)
}

fn receive_some(stream: impl std::os::fd::AsFd, octets: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(stream, &mut [IoSliceMut::new(octets)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let files = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    Ok((received.bytes, files.flatten().last()))
}

impl Channel {
    /// To be called in a tokio runtime with I/O. Messages of more than `limit` octets are refused.
    pub(super) fn new(stream: net::UnixStream, limit: usize) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Channel { stream: UnixStream::from_std(stream)?, limit, incoming: Incoming::new() })
    }

    /// Sends a message whole.
    ///
    /// # Errors
    ///
    /// Nobody is at the other end.
    pub(super) async fn send(&self, message: &impl Serialize, file: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let octets = encode(message)?;
        let mut sent = 0;
        while let Some(rest) = octets.get(sent..).filter(|rest| !rest.is_empty()) {
            let file = file.filter(|_| sent == 0);
            sent += self.stream.async_io(Interest::WRITABLE, || send_some(&self.stream, rest, file)).await?;
        }
        Ok(())
    }

    /// The next message, `None` when the other end was closed. Nothing is lost where this is cancelled.
    ///
    /// # Errors
    ///
    /// What comes is no message.
    pub(super) async fn receive<M: DeserializeOwned>(&mut self) -> io::Result<Option<(M, Option<OwnedFd>)>> {
        loop {
            if let Some(length) = self.incoming.length() {
                if length > self.limit {
                    return Err(io::Error::other("a message is too long"));
                }
                if self.incoming.filled == HEADER + length {
                    let Incoming { octets, file, .. } = std::mem::replace(&mut self.incoming, Incoming::new());
                    return Ok(Some((decode(&octets)?, file)));
                }
                if self.incoming.octets.len() == HEADER {
                    let mut octets = Zeroizing::new(vec![0; HEADER + length]);
                    octets[..HEADER].copy_from_slice(&self.incoming.octets);
                    self.incoming.octets = octets;
                }
            }
            let Incoming { octets, filled, .. } = &mut self.incoming;
            let stream = &self.stream;
            let received = stream.async_io(Interest::READABLE, || receive_some(stream, &mut octets[*filled..]));
            let (count, file) = match received.await {
                // it was closed before all that went there was read
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                received => received?,
            };
            if count == 0 {
                return Ok(None);
            }
            self.incoming.filled += count;
            if file.is_some() {
                self.incoming.file = file;
            }
        }
    }
}

/// Reads the first message, before there is a runtime, and the descriptor that came with it.
///
/// # Errors
///
/// None comes.
pub(super) fn first<M: DeserializeOwned>(stream: &net::UnixStream, limit: usize) -> io::Result<(M, Option<OwnedFd>)> {
    let mut header = [0; HEADER];
    let mut file = None;
    let mut fill = |octets: &mut [u8]| -> io::Result<()> {
        let mut filled = 0;
        while filled < octets.len() {
            let (count, came) = receive_some(stream, &mut octets[filled..])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += count;
            file = came.or(file.take());
        }
        Ok(())
    };
    fill(&mut header)?;
    let length = u32::from_le_bytes(header) as usize;
    if length > limit {
        return Err(io::Error::other("a message is too long"));
    }
    let mut octets = Zeroizing::new(vec![0; HEADER + length]);
    octets[..HEADER].copy_from_slice(&header);
    fill(&mut octets[HEADER..])?;
    Ok((decode(&octets)?, file))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;

    use super::*;

    fn pair(limit: usize) -> (Channel, Channel) {
        let (one, other) = net::UnixStream::pair().unwrap();
        (Channel::new(one, limit).unwrap(), Channel::new(other, limit).unwrap())
    }

    #[tokio::test]
    async fn messages_come_in_order_and_with_their_descriptors() {
        let (one, mut other) = pair(1024);
        let file = File::open("/proc/self/stat").unwrap();
        one.send(&"first", None).await.unwrap();
        one.send(&"second", Some(file.as_fd())).await.unwrap();
        one.send(&"third", None).await.unwrap();
        drop(one);
        let (message, none) = other.receive::<String>().await.unwrap().unwrap();
        assert!(message == "first" && none.is_none());
        let (message, received) = other.receive::<String>().await.unwrap().unwrap();
        let mut text = String::new();
        File::from(received.unwrap()).read_to_string(&mut text).unwrap();
        assert!(message == "second" && text.starts_with(&std::process::id().to_string()), "{text}");
        let (message, none) = other.receive::<String>().await.unwrap().unwrap();
        assert!(message == "third" && none.is_none());
        assert!(other.receive::<String>().await.unwrap().is_none());
    }

    /// More than a socket holds, read in pieces by somebody who gives up now and then.
    #[tokio::test]
    async fn a_long_message_survives_a_cancelled_receive() {
        let (one, mut other) = pair(8 << 20);
        let text = "x".repeat(4 << 20);
        let sent = text.clone();
        let sending = tokio::spawn(async move { one.send(&sent, None).await });
        let received = loop {
            tokio::select! {
                biased;
                message = other.receive::<String>() => break message,
                () = tokio::task::yield_now() => {}
            }
        };
        assert!(received.unwrap().unwrap().0 == text);
        sending.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_end_that_has_not_read_everything_is_an_end() {
        let (mut one, other) = pair(16);
        one.send(&"unread", None).await.unwrap();
        drop(other);
        assert!(one.receive::<String>().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_too_long_or_no_message_is_an_error() {
        let (one, mut other) = pair(16);
        one.send(&"x".repeat(17), None).await.unwrap();
        assert!(other.receive::<String>().await.is_err());
        let (one, mut other) = pair(16);
        one.send(&[0xffu8; 4], None).await.unwrap();
        assert!(other.receive::<String>().await.is_err());
    }

    #[test]
    fn the_first_message_is_read_without_a_runtime() {
        let (mut one, other) = net::UnixStream::pair().unwrap();
        io::Write::write_all(&mut one, &encode(&"order").unwrap()).unwrap();
        assert_eq!(first::<String>(&other, 64).unwrap().0, "order");
        io::Write::write_all(&mut one, &encode(&"order").unwrap()).unwrap();
        assert!(first::<String>(&other, 2).is_err());
    }
}
