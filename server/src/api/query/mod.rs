//! The parameters of a URL. A struct that derives `Deserialize` and `IntoParams` is both their parser and their documentation.
//!
//! [`Window`], [`Scope`] and [`Paging`] are the same wherever they are; what only one path has is a struct beside its handler.
//! A handler takes a [`Query`] of those that it has, and names the same ones in its documentation.

mod given;
mod paging;
mod scope;
mod value;
mod window;

pub(crate) use paging::{Items, Paging};
pub(crate) use scope::Scope;
pub(crate) use value::{Count, Text, words};
pub(crate) use window::Window;

use crate::error::ApiError;
use axum::extract::{FromRequestParts, RawQuery};
use axum::http::request::Parts;
use given::{Given, Refusal};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

/// The parameters of one request. Each is a field of one of the structs in `T`, a tuple, or the request is refused with 422.
pub(crate) struct Query<T> {
    /// What was asked for.
    pub(crate) parameters: T,
    given: Given,
}

impl<T: Parameters> Query<T> {
    /// Reads the part of the URL behind `?`.
    ///
    /// # Errors
    /// 422 naming a parameter that is none of `T`, comes twice, or has a value that cannot be read.
    pub(crate) fn parse(raw: Option<&str>) -> Result<Self, ApiError> {
        let given = Given::parse(raw);
        let parameters = T::read(&given)?;
        let mut unread = given.unread().peekable();
        if unread.peek().is_some() {
            let names = T::names();
            if let Some(name) = unread.find(|name| !names.iter().any(|known| known == name)) {
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                let rule = format!("is no parameter of this path, which has {names}");
                return Err(refused(name, rule));
            }
        }
        drop(unread);
        Ok(Self { parameters, given })
    }

    /// The list with its filters and its order, apart from which page of it: what a cursor belongs to.
    pub(crate) fn question(&self, list: &str) -> String {
        self.given.question(list)
    }
}

impl<S: Send + Sync, T: Parameters> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Ok(RawQuery(raw)) = RawQuery::from_request_parts(parts, state).await;
        Self::parse(raw.as_deref())
    }
}

/// A tuple of structs of parameters.
pub(crate) trait Parameters: Sized {
    #[doc(hidden)]
    fn read(given: &Given) -> Result<Self, ApiError>;

    /// The names of all of them.
    fn names() -> Vec<String>;
}

macro_rules! parameters {
    ($($group:ident)+) => {
        impl<$($group: DeserializeOwned + IntoParams),+> Parameters for ($($group,)+) {
            fn read(given: &Given) -> Result<Self, ApiError> {
                Ok(($(given.read::<$group>()?,)+))
            }

            fn names() -> Vec<String> {
                let parameters = [$($group::into_params(|| None)),+];
                parameters.into_iter().flatten().map(|parameter| parameter.name).collect()
            }
        }
    };
}

impl Parameters for () {
    fn read(_: &Given) -> Result<Self, ApiError> {
        Ok(())
    }

    fn names() -> Vec<String> {
        Vec::new()
    }
}

parameters!(A);
parameters!(A B);
parameters!(A B C);
parameters!(A B C D);
parameters!(A B C D E);
parameters!(A B C D E F);

impl From<Refusal> for ApiError {
    fn from(Refusal { name, rule }: Refusal) -> Self {
        ApiError::Parameter { field: name, rule }
    }
}

/// 422 naming a parameter.
pub(crate) fn refused(name: &str, rule: impl Into<String>) -> ApiError {
    ApiError::Parameter { field: name.to_owned(), rule: rule.into() }
}
