use super::leftovers::Leftovers;
use crate::decode::DecodeError;
use crate::json;
use serde::de::MapAccess;
use std::borrow::Cow;

/// A struct whose fields are members of a JSON object. [`members!`] writes it.
pub(crate) trait Members<'a>: Sized {
    /// Reads what is certain to be right. `unknown` takes a member that is none of the fields, or gives up.
    fn quick<A: MapAccess<'a>>(
        map: A,
        unknown: impl FnMut(Cow<'a, str>, &mut A) -> Result<(), A::Error>,
    ) -> Result<Self, A::Error>;

    /// Reads what it gets. What is none of the fields or does not fit its field is added to `leftovers`.
    fn strict(members: json::Members<'_>, leftovers: &mut Leftovers) -> Result<Self, DecodeError>;
}

/// Makes a struct and both ways to read it from a list of its members: `"key" => field: type as kind`. The fields behind
/// `and` are no members.
macro_rules! members {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident $(<$life:lifetime>)? {
            $($(#[$doc:meta])* $key:literal => $public:vis $field:ident: $type:ty as $kind:ty,)*
        }
        $(and {
            $($(#[$other_doc:meta])* $other_public:vis $other:ident: $other_type:ty,)*
        })?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        #[allow(clippy::manual_non_exhaustive, reason = "a private member without a value is read and makes no difference")]
        $visibility struct $name $(<$life>)? {
            $($(#[$doc])* $public $field: $type,)*
            $($($(#[$other_doc])* $other_public $other: $other_type,)*)?
        }

        const _: () = {
            use $crate::record::kind::Kind;

            /// The place of each member in the set of those that have come.
            #[expect(non_camel_case_types, reason = "they are the fields' own names")]
            enum Bit { $($field),* }

            impl<'a> $crate::record::members::Members<'a> for $name $(<$life>)? {
                fn quick<A: serde::de::MapAccess<'a>>(
                    mut map: A,
                    mut unknown: impl FnMut(std::borrow::Cow<'a, str>, &mut A) -> Result<(), A::Error>,
                ) -> Result<Self, A::Error> {
                    use $crate::record::quick::{Word, give_up, pack};

                    let mut members = Self::default();
                    let mut seen = 0u64;
                    while let Some(Word(key)) = map.next_key()? {
                        let packed = pack(key.as_bytes());
                        $(if packed == const { $crate::record::quick::pack_known($key) } {
                            const BIT: u64 = 1 << Bit::$field as u32;
                            if seen & BIT != 0 {
                                return Err(give_up());
                            }
                            seen |= BIT;
                            members.$field = <$kind as Kind<'a>>::quick(&mut map)?;
                            continue;
                        })*
                        unknown(key, &mut map)?;
                    }
                    $(if <$kind as Kind<'a>>::IS_REQUIRED && seen & (1 << Bit::$field as u32) == 0 {
                        return Err(give_up());
                    })*
                    Ok(members)
                }

                fn strict(
                    members: $crate::json::Members<'_>,
                    leftovers: &mut $crate::record::leftovers::Leftovers,
                ) -> Result<Self, $crate::decode::DecodeError> {
                    let mut read = Self::default();
                    let mut seen = 0u64;
                    for (key, raw) in members {
                        match key.as_ref() {
                            // As if it were absent.
                            $($key if raw == "null" => {})*
                            $($key => match <$kind as Kind<'a>>::strict($key, raw, leftovers)? {
                                Some(value) => {
                                    seen |= 1 << Bit::$field as u32;
                                    read.$field = value;
                                }
                                None => leftovers.keep_known($key, raw),
                            },)*
                            unknown => leftovers.keep(unknown, raw),
                        }
                    }
                    $(if <$kind as Kind<'a>>::IS_REQUIRED && seen & (1 << Bit::$field as u32) == 0 {
                        return Err($crate::decode::DecodeError::missing($key));
                    })*
                    Ok(read)
                }
            }
        };
    };
}

pub(super) use members;
