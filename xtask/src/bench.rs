//! `cargo xtask bench`.

/// Runs the bench with the given arguments.
pub fn run(args: Vec<String>) -> anyhow::Result<()> {
    anyhow::bail!("the bench is not there yet (arguments: {args:?})")
}
