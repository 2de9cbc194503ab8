//! Derives a node's parameters from the fields of its struct, and the words of a choice from the
//! variants of its enum.
//!
//! Whoever writes nodes takes the derives from `score_node`, `score_engine` or `score_plugin`,
//! where the attributes are explained.

mod choice;
mod params;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

/// `score_engine::Params`.
#[proc_macro_derive(Params, attributes(param))]
pub fn params(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    told(params::implementation(&input, &quote!(::score_engine)))
}

/// `score_engine::Choice`.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    told(choice::implementation(&input, &quote!(::score_engine)))
}

/// `score_node::Params`: the same, for a crate that knows no more than that one.
#[proc_macro_derive(NodeParams, attributes(param))]
pub fn node_params(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    told(params::implementation(&input, &quote!(::score_node)))
}

/// `score_node::Choice`: the same, for a crate that knows no more than that one.
#[proc_macro_derive(NodeChoice, attributes(choice))]
pub fn node_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    told(choice::implementation(&input, &quote!(::score_node)))
}

/// `score_plugin::Params`: the same, for a crate that knows the engine by that name.
#[proc_macro_derive(PluginParams, attributes(param))]
pub fn plugin_params(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    told(params::implementation(&input, &quote!(::score_plugin)))
}

/// `score_plugin::Choice`: the same, for a crate that knows the engine by that name.
#[proc_macro_derive(PluginChoice, attributes(choice))]
pub fn plugin_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    told(choice::implementation(&input, &quote!(::score_plugin)))
}

/// The implementation, or what is wrong with the type as a compiler error.
fn told(made: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    made.unwrap_or_else(syn::Error::into_compile_error).into()
}
