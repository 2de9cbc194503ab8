//! What a type needs that travels along wires in packets of its own.

/// Gives a type that can be copied the ports that carry it; `$name` is what patches and messages
/// call it.
macro_rules! travels {
    ($type:ident, $name:literal) => {
        impl $type {
            /// The name of the type of a port that they travel through.
            pub(crate) const TYPE: &'static str = $name;

            /// An input that takes them.
            pub(crate) const fn input(
                index: usize,
                name: &'static str,
                summary: &'static str,
            ) -> score_engine::InputPort<score_engine::Custom<Self>> {
                score_engine::InputPort::new(index, name, summary).custom(Self::TYPE)
            }

            /// An output that sends them.
            pub(crate) const fn output(
                index: usize,
                name: &'static str,
                summary: &'static str,
            ) -> score_engine::OutputPort<score_engine::Custom<Self>> {
                score_engine::OutputPort::new(index, name, summary).custom(Self::TYPE)
            }

            /// The type of a port that they travel through.
            #[cfg(test)]
            pub(crate) fn port_type() -> score_engine::PortType {
                score_engine::PortType::Custom(Self::TYPE.into())
            }

            /// As the content of a packet.
            #[cfg(test)]
            pub(crate) fn payload(self) -> score_engine::Payload {
                score_engine::Payload::Custom(std::sync::Arc::new(self))
            }
        }
    };
}

pub(crate) use travels;
