//! The signatures that a request carries (RFC 9421 §4), read strictly and not verified.

use super::component::Component;
use super::refusal::Refusal;
use super::request::{Request, joined};
use crate::structured::{self, Bare, Fault, InnerList, Item, Member};
use crate::time::UnixTime;

/// The most signatures of a request that are looked at.
pub const SIGNATURES_MAX: usize = 4;
/// The most components that a signature covers.
pub const COMPONENTS_MAX: usize = 32;
/// The longest signature: of RSA with 8192 bits.
const SIGNATURE_BYTES_MAX: usize = 1024;
/// The longest text of a parameter, in bytes.
const TEXT_BYTES_MAX: usize = 256;
/// The longest base, in bytes. It is made of the request's head, which is bounded, and may say parts of it more than once.
const BASE_BYTES_MAX: usize = 128 * 1024;

/// The signatures of a request, nothing of which is believed yet.
#[derive(Clone, Debug)]
pub struct Presented(Vec<Labelled>);

/// One signature.
#[derive(Clone, Debug)]
pub(super) struct Labelled {
    pub(super) components: Vec<Component>,
    pub(super) parameters: Parameters,
    /// The components and parameters in their only spelling: the value of `@signature-params` (§2.3).
    line: String,
    pub(super) signature: Vec<u8>,
}

/// The parameters of a signature (§2.3). There are no others here.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    pub(super) created: Option<UnixTime>,
    pub(super) expires: Option<UnixTime>,
    pub(super) nonce: Option<Box<str>>,
    pub(super) alg: Option<Box<str>>,
    pub(super) keyid: Option<Box<str>>,
    pub(super) tag: Option<Box<str>>,
}

impl Presented {
    /// Reads `Signature-Input` and `Signature`; none where the request has neither.
    ///
    /// # Errors
    ///
    /// Refusals of form: [`Refusal::is_of_form`].
    pub fn read(request: &Request<'_>) -> Result<Option<Self>, Refusal> {
        let inputs = request.fields.values("signature-input");
        let signatures = request.fields.values("signature");
        if inputs.is_empty() && signatures.is_empty() {
            return Ok(None);
        }
        let inputs = structured::dictionary(&joined(&inputs)).map_err(refused)?;
        let signatures = structured::dictionary(&joined(&signatures)).map_err(refused)?;
        if inputs.is_empty() || inputs.len() != signatures.len() {
            return Err(Refusal::Malformed);
        }
        if inputs.len() > SIGNATURES_MAX {
            return Err(Refusal::TooLarge);
        }
        let labelled = inputs.iter().map(|(label, input)| {
            let signature = signatures.get(label).ok_or(Refusal::Malformed)?;
            Labelled::read(input, signature)
        });
        labelled.collect::<Result<_, _>>().map(Self).map(Some)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Labelled> {
        self.0.iter()
    }
}

impl Labelled {
    fn read(input: &Member, signature: &Member) -> Result<Self, Refusal> {
        let (Member::InnerList(list), Member::Item(Item { bare, parameters })) = (input, signature) else {
            return Err(Refusal::Malformed);
        };
        let Bare::Bytes(signature) = bare else {
            return Err(Refusal::Malformed);
        };
        if !parameters.is_empty() {
            return Err(Refusal::ParameterUnknown);
        }
        if signature.len() > SIGNATURE_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        Ok(Self {
            components: components(list)?,
            parameters: Parameters::read(&list.parameters)?,
            line: list.to_string(),
            signature: signature.clone(),
        })
    }

    /// What was signed, if this request was (§2.5).
    ///
    /// # Errors
    ///
    /// [`Refusal::ComponentMissing`] and [`Refusal::TooLarge`].
    pub(super) fn base(&self, request: &Request<'_>) -> Result<String, Refusal> {
        let mut base = String::new();
        for component in &self.components {
            let value = request.value(component)?;
            base.push_str(&component.identifier);
            base.push_str(": ");
            base.push_str(&value);
            base.push('\n');
            if base.len() > BASE_BYTES_MAX {
                return Err(Refusal::TooLarge);
            }
        }
        base.push_str("\"@signature-params\": ");
        base.push_str(&self.line);
        Ok(base)
    }
}

fn components(list: &InnerList) -> Result<Vec<Component>, Refusal> {
    if list.items.len() > COMPONENTS_MAX {
        return Err(Refusal::TooLarge);
    }
    let mut components: Vec<Component> = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let component = Component::read(item)?;
        if components.iter().any(|known| known.what == component.what) {
            return Err(Refusal::ComponentTwice);
        }
        components.push(component);
    }
    Ok(components)
}

impl Parameters {
    fn read(written: &structured::Parameters) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for (name, value) in written.iter() {
            match (name, value) {
                ("created", Bare::Integer(seconds)) => read.created = Some(time(*seconds)?),
                ("expires", Bare::Integer(seconds)) => read.expires = Some(time(*seconds)?),
                ("nonce", Bare::String(text)) => read.nonce = Some(bounded(text)?),
                ("alg", Bare::String(text)) => read.alg = Some(bounded(text)?),
                ("keyid", Bare::String(text)) => read.keyid = Some(bounded(text)?),
                ("tag", Bare::String(text)) => read.tag = Some(bounded(text)?),
                _ => return Err(Refusal::ParameterUnknown),
            }
        }
        Ok(read)
    }
}

fn time(seconds: i64) -> Result<UnixTime, Refusal> {
    let seconds = u64::try_from(seconds).ok();
    seconds
        .and_then(UnixTime::from_seconds)
        .ok_or(Refusal::ParameterUnknown)
}

fn bounded(text: &str) -> Result<Box<str>, Refusal> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    Ok(text.into())
}

fn refused(fault: Fault) -> Refusal {
    match fault {
        Fault::Syntax | Fault::Duplicate => Refusal::Malformed,
        Fault::TooLarge => Refusal::TooLarge,
    }
}
