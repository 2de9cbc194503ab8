//! Writes ONNX files: the few messages of `onnx.proto` (github.com/onnx/onnx, onnx/onnx.proto) that
//! a plain graph with its weights needs, in the encoding of Protocol Buffers
//! (protobuf.dev/programming-guides/encoding).
//!
//! The numbers of the fields stand beside each call, by their names in `onnx.proto`.

/// `ModelProto.ir_version`: 7 is of May 2020, and all that is used here.
const IR_VERSION: u64 = 7;

/// The version of the standard operators.
const OPERATORS: u64 = 13;

/// A message of Protocol Buffers that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A whole number: wire type 0.
    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    /// Bytes with their length before them: wire type 2.
    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    fn message(&mut self, field: u64, value: &Message) {
        self.bytes(field, &value.0);
    }
}

/// What a tensor holds: `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// 32-bit floating point.
    Float = 1,
    /// 64-bit integers.
    Int64 = 7,
}

impl Element {
    /// Its name in the manifest.
    pub(super) fn name(self) -> &'static str {
        match self {
            Element::Float => "float32",
            Element::Int64 => "int64",
        }
    }
}

/// A setting of a node.
pub(super) enum Attribute<'a> {
    /// A whole number, not negative.
    Int(&'a str, u64),
    /// Whole numbers, not negative.
    Ints(&'a str, &'a [u64]),
    /// Text.
    Text(&'a str, &'a str),
}

/// An input or output of a graph: a batch of rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// Its name.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) element: Element,
    /// The shape of a row; none: a number each.
    pub(super) row: Vec<usize>,
}

impl Place {
    /// Its kind and size as the manifest writes them: `float32[N,64]`.
    pub(super) fn form(&self) -> String {
        let row: String = self.row.iter().map(|size| format!(",{size}")).collect();
        format!("{}[N{row}]", self.element.name())
    }

    /// `ValueInfoProto`.
    fn message(&self) -> Message {
        let mut shape = Message::default();
        let mut batch = Message::default();
        batch.text(2, "N"); // Dimension.dim_param
        shape.message(1, &batch); // TensorShapeProto.dim
        for size in &self.row {
            let mut dimension = Message::default();
            dimension.number(1, *size as u64); // Dimension.dim_value
            shape.message(1, &dimension); // TensorShapeProto.dim
        }
        let mut tensor = Message::default();
        tensor.number(1, self.element as u64); // TypeProto.Tensor.elem_type
        tensor.message(2, &shape); // TypeProto.Tensor.shape
        let mut kind = Message::default();
        kind.message(1, &tensor); // TypeProto.tensor_type
        let mut value = Message::default();
        value.text(1, self.name); // ValueInfoProto.name
        value.message(2, &kind); // ValueInfoProto.type
        value
    }
}

/// A graph that is being written. Its nodes run in the order in which they are added.
pub(super) struct Graph {
    message: Message,
    inputs: Vec<Place>,
    outputs: Vec<Place>,
}

impl Graph {
    /// An empty graph.
    pub(super) fn new(name: &str) -> Self {
        let mut message = Message::default();
        message.text(2, name); // GraphProto.name
        Graph {
            message,
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Adds an input.
    pub(super) fn input(&mut self, name: &'static str, element: Element, row: &[usize]) {
        let place = Place {
            name,
            element,
            row: row.to_vec(),
        };
        self.message.message(11, &place.message()); // GraphProto.input
        self.inputs.push(place);
    }

    /// Adds an output of 32-bit floating point, which a node must make.
    pub(super) fn output(&mut self, name: &'static str, row: &[usize]) {
        let place = Place {
            name,
            element: Element::Float,
            row: row.to_vec(),
        };
        self.message.message(12, &place.message()); // GraphProto.output
        self.outputs.push(place);
    }

    /// Adds constant numbers, last axis fastest.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.tensor(name, Element::Float, shape, &bytes);
    }

    /// Adds a row of constant whole numbers.
    pub(super) fn integers(&mut self, name: &str, values: &[usize]) {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| (*value as u64).to_le_bytes())
            .collect();
        self.tensor(name, Element::Int64, &[values.len()], &bytes);
    }

    fn tensor(&mut self, name: &str, element: Element, shape: &[usize], bytes: &[u8]) {
        let mut tensor = Message::default();
        for size in shape {
            tensor.number(1, *size as u64); // TensorProto.dims
        }
        tensor.number(2, element as u64); // TensorProto.data_type
        tensor.text(8, name); // TensorProto.name
        tensor.bytes(9, bytes); // TensorProto.raw_data, lowest byte first
        self.message.message(5, &tensor); // GraphProto.initializer
    }

    /// Adds a node that makes `outputs` of `inputs` with the operator `operator`.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[Attribute<'_>],
    ) {
        let mut node = Message::default();
        for input in inputs {
            node.text(1, input); // NodeProto.input
        }
        for output in outputs {
            node.text(2, output); // NodeProto.output
        }
        node.text(4, operator); // NodeProto.op_type
        for attribute in attributes {
            node.message(5, &attribute.message()); // NodeProto.attribute
        }
        self.message.message(1, &node); // GraphProto.node
    }

    /// The whole file, its inputs and its outputs.
    pub(super) fn finish(self) -> (Vec<u8>, Vec<Place>, Vec<Place>) {
        let mut operators = Message::default();
        operators.text(1, ""); // OperatorSetIdProto.domain: the standard one
        operators.number(2, OPERATORS); // OperatorSetIdProto.version
        let mut model = Message::default();
        model.number(1, IR_VERSION); // ModelProto.ir_version
        model.text(2, "score"); // ModelProto.producer_name
        model.message(7, &self.message); // ModelProto.graph
        model.message(8, &operators); // ModelProto.opset_import
        (model.0, self.inputs, self.outputs)
    }
}

impl Attribute<'_> {
    /// `AttributeProto`; field 20 is `type`: INT 2, STRING 3, INTS 7.
    fn message(&self) -> Message {
        let mut attribute = Message::default();
        match self {
            Attribute::Int(name, value) => {
                attribute.text(1, name); // AttributeProto.name
                attribute.number(3, *value); // AttributeProto.i
                attribute.number(20, 2);
            }
            Attribute::Ints(name, values) => {
                attribute.text(1, name);
                for value in *values {
                    attribute.number(8, *value); // AttributeProto.ints
                }
                attribute.number(20, 7);
            }
            Attribute::Text(name, value) => {
                attribute.text(1, name);
                attribute.text(4, value); // AttributeProto.s
                attribute.number(20, 3);
            }
        }
        attribute
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use score_nodes::model::{Data, Session};

    #[test]
    fn numbers_are_written_as_protocol_buffers_say() {
        // The example of protobuf.dev's page on the encoding: field 1, value 150.
        let mut message = Message::default();
        message.number(1, 150);
        assert_eq!(message.0, [0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.text(2, "testing");
        assert_eq!(message.0[..2], [0x12, 7]);
    }

    #[test]
    fn a_written_graph_runs_and_says_what_it_wants() {
        let mut graph = Graph::new("sum");
        graph.input("number", Element::Float, &[3]);
        graph.floats("one", &[3], &[1.0, 2.0, -3.0]);
        graph.node("Add", &["number", "one"], &["wide"], &[]);
        graph.integers("sizes", &[1, 2]);
        let axis = [Attribute::Int("axis", 1)];
        graph.node("Split", &["wide", "sizes"], &["left", "right"], &axis);
        graph.node("Concat", &["right", "left"], &["turned"], &axis);
        graph.output("turned", &[3]);
        let (bytes, inputs, _) = graph.finish();
        assert_eq!(inputs[0].form(), "float32[N,3]");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sum.onnx");
        std::fs::write(&path, bytes).unwrap();
        let mut session = Session::open(&path).unwrap();
        assert_eq!(session.inputs()[0].shape, [None, Some(3)]);
        let given = (
            "number",
            &[2, 3][..],
            Data::F32(&[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]),
        );
        let came = session.run(&[given], &["turned"]).unwrap();
        assert_eq!(came[0].values, [2.0, -3.0, 1.0, 3.0, -2.0, 2.0]);
    }
}
