mod bench;

fn main() -> anyhow::Result<()> {
    bench::run(std::env::args().skip(2).collect())
}
