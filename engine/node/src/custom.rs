//! How values of types that are not built in are written down and read again.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value of a type that is not built in, as a packet carries it.
pub type CustomValue = Arc<dyn Any + Send + Sync>;

/// How the values of one type are written down.
#[derive(Clone, Copy)]
struct Form {
    write: fn(&(dyn Any + Send + Sync)) -> Option<Vec<u8>>,
    read: fn(&[u8]) -> Option<CustomValue>,
}

/// How the values of types that are not built in are written down, by the types' names: as JSON.
#[derive(Clone, Default)]
pub struct CustomForms(BTreeMap<&'static str, Form>);

impl CustomForms {
    /// Values of `T` travel through ports of the type that is called `name`.
    pub fn add<T>(&mut self, name: &'static str)
    where
        T: Serialize + DeserializeOwned + Any + Send + Sync,
    {
        let form = Form {
            write: |value| serde_json::to_vec(value.downcast_ref::<T>()?).ok(),
            read: |bytes| {
                let value: T = serde_json::from_slice(bytes).ok()?;
                Some(Arc::new(value))
            },
        };
        self.0.insert(name, form);
    }

    /// Whether values of the type called `name` can be written down.
    pub fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A value of the type called `name`; `None`: it is of another type, or nobody knows how.
    pub fn write(&self, name: &str, value: &(dyn Any + Send + Sync)) -> Option<Vec<u8>> {
        (self.0.get(name)?.write)(value)
    }

    /// The value of the type called `name` that was written down; `None`: these bytes are none.
    pub fn read(&self, name: &str, bytes: &[u8]) -> Option<CustomValue> {
        (self.0.get(name)?.read)(bytes)
    }
}

impl fmt::Debug for CustomForms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_nothing_else_is() {
        let mut forms = CustomForms::default();
        forms.add::<(f32, Option<u8>)>("Pair");
        let bytes = forms
            .write("Pair", &(0.1_f32, Some(3_u8)))
            .unwrap_or_default();
        let value = forms.read("Pair", &bytes);
        let pair = value.as_ref().and_then(|value| value.downcast_ref());
        assert_eq!(pair, Some(&(0.1_f32, Some(3_u8))));
        assert!(forms.write("Pair", &1_u8).is_none());
        assert!(forms.write("Other", &(0.1_f32, Some(3_u8))).is_none());
        assert!(forms.read("Pair", b"[0.1").is_none());
    }
}
