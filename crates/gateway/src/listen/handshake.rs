//! Why a TLS handshake failed, in words for whoever runs the gate.

use std::borrow::Cow;
use std::io::{self, ErrorKind};

use rustls::{Error, InvalidMessage};

/// What the library says where no certificate is for the host that was named.
const NO_CERTIFICATE: &str = "no server certificate chain resolved";

/// The reason; none where the client just went away, as probes of load balancers do.
pub(crate) fn reason(error: &io::Error) -> Option<Cow<'static, str>> {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    let Some(cause) = cause else {
        return match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => None,
            ErrorKind::TimedOut => Some("it was not over in time".into()),
            _ => Some(error.to_string().into()),
        };
    };
    Some(match cause {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "the client does not speak TLS".into(),
        Error::General(text) if text == NO_CERTIFICATE => "no certificate is for the host that the client names".into(),
        Error::NoCertificatesPresented => "the client presents no certificate".into(),
        Error::InvalidCertificate(cause) => format!("the client's certificate is not accepted: {cause:?}").into(),
        Error::PeerIncompatible(cause) => format!("nothing that the client offers is accepted: {cause:?}").into(),
        Error::AlertReceived(alert) => format!("the client refuses: {alert:?}").into(),
        other => other.to_string().into(),
    })
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CertificateError, PeerIncompatible};

    use super::*;

    #[test]
    fn reasons_are_told_in_words() {
        let check = |cause: Error, expected: &str| {
            let error = io::Error::new(ErrorKind::InvalidData, cause);
            assert_eq!(reason(&error).as_deref(), Some(expected));
        };
        check(
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            "the client does not speak TLS",
        );
        check(
            Error::AlertReceived(AlertDescription::UnknownCA),
            "the client refuses: UnknownCA",
        );
        check(
            Error::InvalidCertificate(CertificateError::Expired),
            "the client's certificate is not accepted: Expired",
        );
        check(
            Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic),
            "nothing that the client offers is accepted: Tls13RequiredForQuic",
        );
        assert_eq!(reason(&ErrorKind::UnexpectedEof.into()), None);
        assert!(reason(&ErrorKind::TimedOut.into()).unwrap().contains("in time"));
    }
}
