//! An enum whose variants are the words of a choice.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result, Variant};

/// `Choice` and `ParamValue` for the enum.
pub(crate) fn implementation(input: &DeriveInput, engine: &TokenStream) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a choice is an enum"));
    };
    let words = (data.variants.iter())
        .map(word)
        .collect::<Result<Vec<LitStr>>>()?;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let name = &input.ident;
    Ok(quote! {
        impl #engine::Choice for #name {
            const WORDS: &'static [&'static str] = &[#(#words),*];

            fn word(&self) -> &'static str {
                match self {
                    #(Self::#variants => #words,)*
                }
            }

            fn of_word(word: &str) -> ::core::option::Option<Self> {
                match word {
                    #(#words => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }

        impl #engine::ParamValue for #name {
            type Bound = ();

            fn param_type(
                _bounds: ::core::option::Option<::core::ops::RangeInclusive<()>>,
            ) -> #engine::ParamType {
                #engine::ParamType::choice(<Self as #engine::Choice>::WORDS)
            }

            fn read(
                value: &#engine::Value,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                #engine::read_choice(value)
            }

            fn written(&self) -> #engine::Value {
                #engine::Value::from(#engine::Choice::word(self))
            }
        }
    })
}

/// The word of a variant: what `#[choice("word")]` says, else its name in snake_case.
fn word(variant: &Variant) -> Result<LitStr> {
    if !matches!(variant.fields, Fields::Unit) {
        return Err(Error::new_spanned(
            variant,
            "a word of a choice carries nothing",
        ));
    }
    for attribute in &variant.attrs {
        if attribute.path().is_ident("choice") {
            return attribute.parse_args();
        }
    }
    let mut word = String::new();
    for letter in variant.ident.to_string().chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    Ok(LitStr::new(&word, variant.ident.span()))
}
