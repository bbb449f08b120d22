use crate::error::Error;
use ureq::http::HeaderValue;

/// What the server asks of who sends: `Authorization: Bearer …`. Nothing prints it.
#[derive(Clone)]
pub(crate) struct Key(HeaderValue);

impl Key {
    /// `source` names the setting in the message; the key itself is not in it.
    pub(crate) fn parse(source: &str, text: &str) -> Result<Self, Error> {
        let text = text.trim();
        // A space would end the key where the server reads it.
        let is_visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let header = HeaderValue::try_from(format!("Bearer {text}")).ok().filter(|_| is_visible);
        let Some(mut header) = header else {
            return Err(Error::new(format!(
                "{source}: a key is visible ASCII characters, without spaces or control characters"
            )));
        };
        header.set_sensitive(true);
        Ok(Self(header))
    }

    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0
    }
}
