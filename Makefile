# What a newcomer types: `make demo` and `make test`. `make help` lists the rest.

.PHONY: help demo check test audit soak matrix set-up set-up-tests film-is-there runtime models docs pictures book clap package clean

# Where the Rust installer puts cargo, which a shell that was open before does not know yet.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

help:
	@echo "make demo    install what is missing, then score a film; FILM=your-film.mp4 scores yours"
	@echo "make test    install what is missing, then check and test everything"
	@echo "make check   the quick part of it: format, clippy, tests of single nodes and of the engine"
	@echo "make audit   look at the licences and sources of all dependencies (needs cargo-deny)"
	@echo "make soak    play for half an hour, then make 10,000 edits while it plays; MINUTES=5 EDITS=500 for less, HOURS=8 for more"
	@echo "make matrix  score films of every muxer and encoder that ffmpeg has: half an hour"
	@echo "make runtime fetch ONNX Runtime's library into runtime/"
	@echo "make models DATA=FOLDER  train the models anew (models/training/README.md)"
	@echo "make docs    write docs/nodes.md anew from the nodes' declarations"
	@echo "make pictures  make the book's pictures anew (needs Graphviz: apt install graphviz)"
	@echo "make book    make a book of docs/ in target/book, with mdbook (cargo install mdbook)"
	@echo "make clap    make the plug-in for DAWs, in target/clap"
	@echo "make package make a Debian package and an archive of the program with all that it needs, in target/package"
	@echo "make clean   remove what was built"

set-up:
	@.ci/set-up

set-up-tests:
	@.ci/set-up tests

# Before anything is installed and built, which takes minutes.
film-is-there:
	@[ -z "$(FILM)" ] || [ -f "$(FILM)" ] || { echo "error: there is no film $(FILM)" >&2; exit 1; }

demo: film-is-there set-up
	cargo build --release --locked --package score
	@.ci/demo "$(FILM)"

test: set-up-tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --package score-nodes --no-default-features --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	cargo test --workspace --locked

check: set-up-tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked --lib --quiet

audit:
	cargo deny check licenses bans sources

# How long it plays, and how many edits it makes.
MINUTES ?= $(if $(HOURS),$(shell expr $(HOURS) \* 60),30)
EDITS ?= 10000

soak: set-up-tests
	cargo bench --locked --package score --bench live -- soak $(MINUTES)
	cargo bench --locked --package score --bench live -- edits $(EDITS)

# The films of `make test` are some of these.
matrix: set-up-tests
	cargo test --locked --package score --test end_to_end -- --ignored --nocapture every_muxer_with_every_encoder

runtime:
	@.ci/fetch-runtime

models:
	models/training/run_all.sh "$(DATA)"

docs:
	cargo run --quiet --locked --package score -- nodes --markdown > docs/nodes.md.partial
	mv docs/nodes.md.partial docs/nodes.md

pictures:
	cargo build --release --locked --package score
	@.ci/pictures

book:
	@.ci/book

clap:
	cargo build --release --locked --package score-clap
	@.ci/clap

package: set-up
	@.ci/package

clean:
	cargo clean
