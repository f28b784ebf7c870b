//! What is compared with what. One entry a row of docs/performance.md.

/// A workload of ours and the same of a peer.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) name: &'static str,
    /// Arguments of the engine's `throughput` example after the model.
    pub(super) ours: &'static [&'static str],
    pub(super) peer: Peer,
    /// How many times the peer's speed is asked for, on a machine with AMX.
    pub(super) bar: f64,
}

/// Who does it too, and with which arguments of its script after the model.
#[derive(Debug, Clone, Copy)]
pub(super) enum Peer {
    Peft(&'static [&'static str]),
    LlamaCpp(&'static [&'static str]),
}

/// All of them.
pub(super) const COMPARISONS: &[Comparison] = &[
    Comparison {
        name: "train 4x256, PEFT bf16 eager",
        ours: &["train:4x256"],
        peer: Peer::Peft(&["train", "4x256", "bf16", "eager"]),
        bar: 4.0,
    },
    Comparison {
        name: "train 8x512, PEFT bf16 eager",
        ours: &["train:8x512"],
        peer: Peer::Peft(&["train", "8x512", "bf16", "eager"]),
        bar: 4.0,
    },
    Comparison {
        name: "train 4x256, PEFT bf16 compiled",
        ours: &["train:4x256"],
        peer: Peer::Peft(&["train", "4x256", "bf16", "compiled"]),
        bar: 2.0,
    },
    Comparison {
        name: "train 8x512, PEFT bf16 compiled",
        ours: &["train:8x512"],
        peer: Peer::Peft(&["train", "8x512", "bf16", "compiled"]),
        bar: 2.0,
    },
    Comparison {
        name: "train 4x256 f32 at avx2, PEFT f32",
        ours: &["--precision", "f32", "--level", "avx2", "train:4x256"],
        peer: Peer::Peft(&["train", "4x256", "f32", "eager"]),
        bar: 1.5,
    },
    Comparison {
        name: "prefill 8x512, PyTorch bf16",
        ours: &["prefill:8x512"],
        peer: Peer::Peft(&["forward", "8x512", "bf16", "eager"]),
        bar: 2.0,
    },
    Comparison {
        name: "prefill 1x512, llama.cpp",
        ours: &["prefill:1x512"],
        peer: Peer::LlamaCpp(&["prefill", "1x512"]),
        bar: 8.0,
    },
    Comparison {
        name: "decode 1, llama.cpp",
        ours: &["decode:1"],
        peer: Peer::LlamaCpp(&["decode", "1"]),
        bar: 1.0,
    },
    Comparison {
        name: "decode 16, llama.cpp decoding 1",
        ours: &["decode:16"],
        peer: Peer::LlamaCpp(&["decode", "1"]),
        bar: 4.0,
    },
    Comparison {
        name: "decode 16, llama.cpp decoding 16",
        ours: &["decode:16"],
        peer: Peer::LlamaCpp(&["decode", "16"]),
        bar: 4.0,
    },
];

/// Their names, for messages.
pub(super) fn names() -> String {
    COMPARISONS.iter().map(|comparison| format!("`{}`", comparison.name)).collect::<Vec<_>>().join(", ")
}
