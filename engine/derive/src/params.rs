//! A struct whose fields are a node's parameters.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::meta::ParseNestedMeta;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Ident, Lit, LitStr, Meta,
    Result, Token, Type, parenthesized,
};

/// `Params` for the struct.
pub(crate) fn implementation(input: &DeriveInput, engine: &TokenStream) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => fields.named.iter().collect(),
            Fields::Unit => Vec::new(),
            Fields::Unnamed(_) => {
                return Err(Error::new_spanned(
                    &input.ident,
                    "every parameter has a name",
                ));
            }
        },
        _ => return Err(Error::new_spanned(&input.ident, "parameters are a struct")),
    };
    let fields = (fields.into_iter())
        .map(Param::of)
        .collect::<Result<Vec<_>>>()?;
    let name = &input.ident;
    let declared = fields.iter().map(|field| field.declaration(engine));
    let read = fields.iter().map(|field| field.reading(engine));
    let set = fields.iter().filter_map(|field| field.setting(engine));
    let nested = fields
        .iter()
        .filter_map(|field| field.nested_setting(engine));
    Ok(quote! {
        impl #engine::Params for #name {
            fn declare() -> ::std::vec::Vec<#engine::Param> {
                let mut params = ::std::vec::Vec::new();
                #(#declared)*
                params
            }

            fn read(
                values: &#engine::Value,
            ) -> ::core::result::Result<Self, #engine::NodeError> {
                ::core::result::Result::Ok(Self { #(#read),* })
            }

            #[allow(clippy::match_single_binding, unused_variables)]
            fn set(
                &mut self,
                name: &str,
                value: &#engine::Value,
            ) -> ::core::result::Result<bool, #engine::NodeError> {
                match name {
                    #(#set)*
                    _ => {
                        #(#nested)*
                        return ::core::result::Result::Ok(false);
                    }
                }
                #[allow(unreachable_code)]
                ::core::result::Result::Ok(true)
            }
        }
    })
}

/// The class of change, and why it is not live.
enum Change {
    Live,
    Rebuild(Option<Expr>),
    Structural(Option<Expr>),
}

/// A field, and what its attributes say.
struct Param<'a> {
    field: &'a Ident,
    field_type: &'a Type,
    name: String,
    summary: TokenStream,
    change: Change,
    range: Option<Expr>,
    span: Option<Expr>,
    is_logarithmic: bool,
    default: Option<Expr>,
    unit: Option<Expr>,
    words: Option<Expr>,
    writes: bool,
    takes: bool,
    content: Option<Expr>,
    ending: Option<Expr>,
    each: Option<Expr>,
    for_each_wire: Option<Expr>,
    is_order: bool,
    is_nested: bool,
    /// Defaults of a nested struct's parameters that differ here.
    defaults: Vec<(Ident, Expr)>,
}

impl<'a> Param<'a> {
    fn of(field: &'a Field) -> Result<Self> {
        let ident = (field.ident.as_ref())
            .ok_or_else(|| Error::new_spanned(field, "every parameter has a name"))?;
        let name = ident.to_string();
        let summary = summary(&field.attrs);
        let mut param = Param {
            field: ident,
            field_type: &field.ty,
            name: name.strip_prefix("r#").unwrap_or(&name).to_owned(),
            summary: quote!(#summary),
            change: Change::Rebuild(None),
            range: None,
            span: None,
            is_logarithmic: false,
            default: None,
            unit: None,
            words: None,
            writes: false,
            takes: false,
            content: None,
            ending: None,
            each: None,
            for_each_wire: None,
            is_order: false,
            is_nested: false,
            defaults: Vec::new(),
        };
        for attribute in &field.attrs {
            if attribute.path().is_ident("param") {
                attribute.parse_nested_meta(|meta| param.hear(&meta))?;
            }
        }
        Ok(param)
    }

    /// Takes one item of a `#[param(…)]`.
    fn hear(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let word = meta.path.require_ident()?.to_string();
        let expression = || -> Result<Option<Expr>> { Ok(Some(meta.value()?.parse()?)) };
        let reason = || match meta.input.peek(Token![=]) {
            true => expression(),
            false => Ok(None),
        };
        match word.as_str() {
            "live" => self.change = Change::Live,
            "rebuild" => self.change = Change::Rebuild(reason()?),
            "structural" => self.change = Change::Structural(reason()?),
            "range" => self.range = expression()?,
            "span" => self.span = expression()?,
            "log" => self.is_logarithmic = true,
            "default" => self.default = expression()?,
            "unit" => self.unit = expression()?,
            "words" => self.words = expression()?,
            "writes" => self.writes = true,
            "takes" => self.takes = true,
            "content" => self.content = expression()?,
            "ending" => self.ending = expression()?,
            "each" => self.each = expression()?,
            "for_each_wire" => self.for_each_wire = expression()?,
            "order" => self.is_order = true,
            "summary" => {
                let summary: Expr = meta.value()?.parse()?;
                self.summary = quote!(#summary);
            }
            "nested" => self.is_nested = true,
            "defaults" => {
                let inside;
                parenthesized!(inside in meta.input);
                while !inside.is_empty() {
                    let name: Ident = inside.parse()?;
                    let _: Token![=] = inside.parse()?;
                    self.defaults.push((name, inside.parse()?));
                    if inside.peek(Token![,]) {
                        let _: Token![,] = inside.parse()?;
                    }
                }
            }
            _ => return Err(meta.error("this is not an attribute of a parameter")),
        }
        Ok(())
    }

    /// Adds the parameter to `params`.
    fn declaration(&self, engine: &TokenStream) -> TokenStream {
        let (field_type, name, summary) = (self.field_type, &self.name, &self.summary);
        if self.is_nested {
            let (names, values): (Vec<_>, Vec<_>) = self
                .defaults
                .iter()
                .map(|(name, value)| (name.to_string(), value))
                .unzip();
            return quote! {
                for param in <#field_type as #engine::Params>::declare() {
                    let param = match param.name.as_ref() {
                        #(#names => param.default(#values),)*
                        _ => param,
                    };
                    params.push(param);
                }
            };
        }
        let bounds = match &self.range {
            Some(range) => quote!(::core::option::Option::Some(#range)),
            None => quote!(::core::option::Option::None),
        };
        let mut calls = TokenStream::new();
        let mut call = |method: &str, argument: &dyn ToTokens| {
            let method = Ident::new(method, proc_macro2::Span::call_site());
            calls.extend(quote!(let param = param.#method(#argument);));
        };
        let nothing = TokenStream::new();
        if let Some(words) = &self.words {
            call("words", words);
        }
        if self.writes {
            call("writes", &nothing);
        }
        if let Some(unit) = &self.unit {
            call("unit", unit);
        }
        if let Some(default) = &self.default {
            let default = typed(default);
            call(
                "default",
                &quote!(#engine::ParamValue::written(&{
                    let default: #field_type = #default;
                    default
                })),
            );
        }
        if let Some(span) = &self.span {
            let linear = !self.is_logarithmic;
            call("span", &quote!(#span, #linear));
        } else if self.is_logarithmic {
            call("logarithmic", &nothing);
        }
        match &self.change {
            Change::Live => call("live", &nothing),
            Change::Rebuild(None) => {}
            Change::Rebuild(Some(why)) => call("rebuilt_because", why),
            Change::Structural(why) => {
                call("structural", &nothing);
                if let Some(why) = why {
                    call("because", why);
                }
            }
        }
        if let Some(content) = &self.content {
            call("content", &quote!(#engine::FileContent::#content));
        }
        if let Some(ending) = &self.ending {
            call("ending", ending);
        }
        if let Some(each) = &self.each {
            call("each", each);
        }
        if let Some(input) = &self.for_each_wire {
            call("for_each_wire", input);
        }
        if self.is_order {
            call("order", &nothing);
        }
        if self.takes {
            call("take", &nothing);
        }
        quote! {
            params.push({
                let param = #engine::Param::of::<#field_type>(#name, #summary, #bounds);
                #calls
                param
            });
        }
    }

    /// `field: its value`.
    fn reading(&self, engine: &TokenStream) -> TokenStream {
        let (field, field_type, name) = (self.field, self.field_type, &self.name);
        match self.is_nested {
            true => quote!(#field: <#field_type as #engine::Params>::read(values)?),
            false => quote!(#field: #engine::read_param(values, #name)?),
        }
    }

    /// The arm that takes a new value.
    fn setting(&self, engine: &TokenStream) -> Option<TokenStream> {
        let (field, name) = (self.field, &self.name);
        matches!(self.change, Change::Live)
            .then(|| quote!(#name => self.#field = #engine::read_value(name, value)?,))
    }

    /// Has a nested struct take it.
    fn nested_setting(&self, engine: &TokenStream) -> Option<TokenStream> {
        let field = self.field;
        self.is_nested.then(|| {
            quote! {
                if #engine::Params::set(&mut self.#field, name, value)? {
                    return ::core::result::Result::Ok(true);
                }
            }
        })
    }
}

/// Text becomes what the field holds.
fn typed(default: &Expr) -> TokenStream {
    match default {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => quote!(#text.into()),
        other => quote!(#other),
    }
}

/// The doc comment in one line.
fn summary(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(doc) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(line),
            ..
        }) = &doc.value
        else {
            return None;
        };
        (doc.path.is_ident("doc")).then(|| LitStr::value(line).trim().to_owned())
    });
    lines.collect::<Vec<_>>().join(" ")
}
