//! As much of DER (X.690) as it takes to find what the library does not give: every length is checked.

/// Tags of what is looked for.
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const SEQUENCE: u8 = 0x30;

/// The constructed context-specific tag `[number]`, 30 at most.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// What is left of a row of elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Elements<'a> {
    /// The contents of the next element, where it has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut after = *self;
        let (found, contents) = after.next()?;
        if found != tag {
            return None;
        }
        *self = after;
        Some(contents)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    /// Tag and contents of the next element; `None` also where it is broken.
    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = octets.iter().fold(0u32, |length, octet| length << 8 | u32::from(*octet));
                (usize::try_from(length).ok()?, rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }
}

/// The contents of an extension of a certificate (RFC 5280 4.1.2.9) by the octets of its object identifier.
pub(super) fn extension<'a>(certificate: &'a [u8], identifier: &[u8]) -> Option<&'a [u8]> {
    const EXTENSIONS: u8 = context(3);
    let certificate = Elements(certificate).expect(SEQUENCE)?;
    let to_be_signed = Elements(certificate).expect(SEQUENCE)?;
    let (_, extensions) = Elements(to_be_signed).find(|(tag, _)| *tag == EXTENSIONS)?;
    let extensions = Elements(extensions).expect(SEQUENCE)?;
    Elements(extensions)
        .find_map(|(_, extension)| {
            let mut parts = Elements(extension);
            (parts.expect(OBJECT_IDENTIFIER)? == identifier).then(|| parts.find(|(tag, _)| *tag == OCTET_STRING))?
        })
        .map(|(_, contents)| contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_beyond_the_end_are_no_elements() {
        for broken in [&[][..], &[0x30], &[0x30, 1], &[0x30, 0x81], &[0x30, 0x82, 1, 0], &[0x30, 0x80], &[0x30, 0x85]] {
            assert_eq!(Elements(broken).next(), None, "{broken:02x?}");
        }
        let long = [&[0x04, 0x81, 0x80][..], &[7; 0x80], &[0x02, 1, 3]].concat();
        let mut elements = Elements(&long);
        assert_eq!(elements.next(), Some((OCTET_STRING, &[7; 0x80][..])));
        assert_eq!(elements.expect(OCTET_STRING), None);
        assert_eq!(elements.expect(INTEGER), Some(&[3][..]));
        assert_eq!(elements.next(), None);
    }
}
