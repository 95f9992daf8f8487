//! Writes the generated code anew: `make generate`.

#[path = "../tests/generator.rs"]
mod generator;

fn main() {
    generator::generate(&generator::sources(), &generator::committed());
}
