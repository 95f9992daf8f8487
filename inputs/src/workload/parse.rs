//! From the text of a workload to its specification.

use super::{
    edges::Case,
    fork::Fork,
    spec::{
        ACCOUNTS_MAX, ACCOUNTS_MIN, BLOCKS_MAX, COMPUTE_GAS_MAX, COMPUTE_GAS_MIN, Distribution,
        POOLS_MAX, TRANSACTIONS_MAX, TXS_MAX, WorkloadKind, WorkloadSpec, ZipfExponent,
    },
};
use std::{ops::RangeInclusive, str::FromStr};

/// What every workload's text starts with.
pub const WORKLOAD_PREFIX: &str = "workload:";

/// Why a text is not a workload. Each names the part at fault and what would be allowed there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The text is some other input.
    #[error("`{text}` does not start with `workload:`")]
    NotAWorkload {
        /// The whole text.
        text: String,
    },
    /// There is no workload of that name.
    #[error("there is no workload `{name}`; there are {}", WorkloadKind::NAMES.join(", "))]
    UnknownName {
        /// The name given.
        name: String,
    },
    /// A part between `&` is not `name=value`.
    #[error("`{part}` is not of the form name=value")]
    NotAParameter {
        /// The part.
        part: String,
    },
    /// This workload takes no such parameter.
    #[error("workload `{workload}` takes no parameter `{parameter}`, only {allowed}")]
    UnknownParameter {
        /// The workload's name.
        workload: &'static str,
        /// The parameter's name.
        parameter: String,
        /// The names it takes.
        allowed: String,
    },
    /// A parameter stands there twice.
    #[error("parameter `{parameter}` is given twice")]
    Repeated {
        /// The parameter's name.
        parameter: String,
    },
    /// A parameter's value is not allowed.
    #[error("parameter `{parameter}` is `{value}`, allowed is {allowed}")]
    BadValue {
        /// The parameter's name.
        parameter: &'static str,
        /// The value given.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// An exponent without Zipf's law.
    #[error("parameter `zipf` is given, but `dist` is uniform")]
    ExponentWithoutZipf,
    /// More transactions than fit in memory.
    #[error("txs times blocks is {transactions}, allowed is at most {TRANSACTIONS_MAX}")]
    TooMany {
        /// Transactions of all blocks.
        transactions: u64,
    },
}

impl SpecError {
    /// What the user can do about it.
    pub fn next_step(&self) -> String {
        match self {
            Self::NotAWorkload { .. } | Self::NotAParameter { .. } => {
                "write workload:NAME?name=value&name=value, for example \
                 workload:transfers?txs=1000&seed=7"
                    .to_owned()
            }
            Self::UnknownName { .. } => {
                format!("name one of {}", WorkloadKind::NAMES.join(", "))
            }
            Self::UnknownParameter { parameter, .. } => {
                format!("leave `{parameter}` out or correct its name")
            }
            Self::Repeated { parameter } => format!("give `{parameter}` once"),
            Self::BadValue { parameter, allowed, .. } => {
                format!("set `{parameter}` to {allowed}")
            }
            Self::ExponentWithoutZipf => "leave `zipf` out or set dist=zipf".to_owned(),
            Self::TooMany { .. } => "lower txs or blocks".to_owned(),
        }
    }
}

impl FromStr for WorkloadSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let rest = text
            .strip_prefix(WORKLOAD_PREFIX)
            .ok_or_else(|| SpecError::NotAWorkload { text: text.to_owned() })?;
        let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
        let kind = WorkloadKind::by_name(name)
            .ok_or_else(|| SpecError::UnknownName { name: name.to_owned() })?;
        let parameters = Parameters::split(kind, query)?;
        let spec = parameters.fill(Self::new(kind))?;
        if spec.transactions() > TRANSACTIONS_MAX {
            return Err(SpecError::TooMany { transactions: spec.transactions() });
        }
        Ok(spec)
    }
}

/// The parameters of a query, each known to the kind and there once.
struct Parameters<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Parameters<'a> {
    fn split(kind: WorkloadKind, query: &'a str) -> Result<Self, SpecError> {
        let mut found: Vec<(&'static str, &'a str)> = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| SpecError::NotAParameter { part: part.to_owned() })?;
            let known = kind.parameters().iter().find(|&&known| known == name);
            let name = *known.ok_or_else(|| SpecError::UnknownParameter {
                workload: kind.name(),
                parameter: name.to_owned(),
                allowed: kind.parameters().join(", "),
            })?;
            if found.iter().any(|&(earlier, _)| earlier == name) {
                return Err(SpecError::Repeated { parameter: name.to_owned() });
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|&&(known, _)| known == name).map(|&(_, value)| value)
    }

    fn fill(&self, mut spec: WorkloadSpec) -> Result<WorkloadSpec, SpecError> {
        spec.txs = self.number("txs", 1..=TXS_MAX, spec.txs)?;
        spec.blocks = self.number("blocks", 1..=BLOCKS_MAX, spec.blocks)?;
        spec.accounts = self.number("accounts", ACCOUNTS_MIN..=ACCOUNTS_MAX, spec.accounts)?;
        spec.seed = self.number("seed", 0..=u64::MAX, spec.seed)?;
        spec.hot_percent = self.number("hot", 0..=100, spec.hot_percent)?;
        match &mut spec.kind {
            WorkloadKind::Erc20 { recipients } => *recipients = self.distribution()?,
            WorkloadKind::Swaps { pools } | WorkloadKind::Hybrid { pools } => {
                *pools = self.number("pools", 1..=POOLS_MAX, *pools)?;
            }
            WorkloadKind::Compute { gas } => {
                *gas = self.number("gas", COMPUTE_GAS_MIN..=COMPUTE_GAS_MAX, *gas)?;
            }
            WorkloadKind::Edges { fork, case } => {
                *fork = self.one_of("fork", &Fork::ALL, Fork::name)?.unwrap_or(*fork);
                let cases: Vec<Case> =
                    Case::ALL.into_iter().filter(|case| case.forks().contains(fork)).collect();
                *case = self.one_of("case", &cases, Case::name)?;
            }
            WorkloadKind::Transfers | WorkloadKind::Chain | WorkloadKind::Mint => {}
        }
        Ok(spec)
    }

    fn number<T>(
        &self,
        parameter: &'static str,
        allowed: RangeInclusive<T>,
        default: T,
    ) -> Result<T, SpecError>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(value) = self.get(parameter) else { return Ok(default) };
        value.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
            SpecError::BadValue {
                parameter,
                value: value.to_owned(),
                allowed: format!("a whole number from {} to {}", allowed.start(), allowed.end()),
            }
        })
    }

    /// Reads the name of one of several things.
    fn one_of<T: Copy>(
        &self,
        parameter: &'static str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Result<Option<T>, SpecError> {
        let Some(value) = self.get(parameter) else { return Ok(None) };
        let found = all.iter().find(|one| name(**one) == value);
        found.copied().map(Some).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
            let allowed = format!("one of {}", names.join(", "));
            SpecError::BadValue { parameter, value: value.to_owned(), allowed }
        })
    }

    fn distribution(&self) -> Result<Distribution, SpecError> {
        let exponent = self.get("zipf").map(parse_exponent).transpose()?;
        match (self.get("dist"), exponent) {
            (Some("uniform"), Some(_)) => Err(SpecError::ExponentWithoutZipf),
            (Some("uniform") | None, None) => Ok(Distribution::Uniform),
            (Some("zipf") | None, exponent) => {
                Ok(Distribution::Zipf(exponent.unwrap_or(ZipfExponent::DEFAULT)))
            }
            (Some(other), _) => Err(SpecError::BadValue {
                parameter: "dist",
                value: other.to_owned(),
                allowed: "uniform or zipf".to_owned(),
            }),
        }
    }
}

/// Reads a decimal number with at most three digits after the point.
fn parse_exponent(value: &str) -> Result<ZipfExponent, SpecError> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let is_decimal = [whole, fraction]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()));
    let thousandths = (is_decimal && whole.len() <= 3 && fraction.len() <= 3)
        .then(|| format!("{whole}{fraction:0<3}").parse().ok())
        .flatten();
    thousandths.and_then(ZipfExponent::from_thousandths).ok_or_else(|| SpecError::BadValue {
        parameter: "zipf",
        value: value.to_owned(),
        allowed: "a number from 0.1 to 3.0 with at most three decimals".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> WorkloadSpec {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn sizes_are_the_standard_ones_unless_said() {
        for (name, txs, hot_percent) in [
            ("transfers", 10_000, 0),
            ("erc20", 5_000, 0),
            ("swaps", 1_000, 0),
            ("chain", 1_000, 0),
            ("hybrid", 5_000, 30),
            ("compute", 200, 0),
            ("mint", 2_000, 0),
            ("edges", 200, 0),
        ] {
            let spec = parse(&format!("workload:{name}"));
            assert_eq!((spec.kind.name(), spec.txs, spec.blocks), (name, txs, 1));
            assert_eq!((spec.accounts, spec.seed, spec.hot_percent), (100_000, 0, hot_percent));
        }
    }

    #[test]
    fn every_parameter_is_read_and_the_text_of_a_specification_gives_it_back() {
        let spec = parse("workload:hybrid?txs=7&blocks=3&accounts=50&hot=12&seed=9&pools=5");
        let kind = WorkloadKind::Hybrid { pools: 5 };
        let expected =
            WorkloadSpec { kind, txs: 7, blocks: 3, accounts: 50, hot_percent: 12, seed: 9 };
        assert_eq!(spec, expected);
        for text in [
            "workload:transfers?hot=100",
            "workload:erc20?dist=uniform",
            "workload:erc20?dist=zipf",
            "workload:erc20?zipf=0.95&txs=3",
            "workload:erc20?zipf=2&seed=18446744073709551615",
            "workload:swaps?pools=1",
            "workload:chain?blocks=4",
            "workload:hybrid",
            "workload:compute?gas=300000",
            "workload:mint?hot=20",
            "workload:edges?fork=frontier",
            "workload:edges?case=self-authorise",
        ] {
            let spec = parse(text);
            assert_eq!(parse(&spec.to_string()), spec, "{text}");
            assert!(spec.is_within_bounds(), "{text}");
        }
        let WorkloadKind::Erc20 { recipients } = parse("workload:erc20?zipf=0.95").kind else {
            panic!("erc20 is the kind")
        };
        assert_eq!(recipients, Distribution::Zipf(ZipfExponent::from_thousandths(950).unwrap()));
    }

    #[test]
    fn a_specification_made_by_hand_is_held_to_the_same_bounds() {
        let good = WorkloadSpec::new(WorkloadKind::Chain);
        for bad in [
            WorkloadSpec { txs: 0, ..good },
            WorkloadSpec { blocks: BLOCKS_MAX + 1, ..good },
            WorkloadSpec { accounts: ACCOUNTS_MIN - 1, ..good },
            WorkloadSpec { hot_percent: 101, ..good },
            WorkloadSpec { txs: TXS_MAX, blocks: BLOCKS_MAX, ..good },
            WorkloadSpec::new(WorkloadKind::Swaps { pools: 0 }),
            WorkloadSpec::new(WorkloadKind::Compute { gas: COMPUTE_GAS_MIN - 1 }),
        ] {
            assert!(!bad.is_within_bounds(), "{bad}");
        }
    }

    #[test]
    fn a_mistake_is_answered_with_what_is_allowed_and_a_next_step() {
        for (text, what, step) in [
            ("transfers", "does not start with `workload:`", "workload:transfers?txs"),
            ("workload:transfer", "transfers, erc20, swaps", "name one of transfers"),
            ("workload:chain?hot=3", "takes no parameter `hot`, only txs", "leave `hot` out"),
            ("workload:swaps?txs", "`txs` is not of the form", "name=value"),
            ("workload:swaps?txs=1&txs=2", "`txs` is given twice", "give `txs` once"),
            ("workload:swaps?txs=0", "`txs` is `0`, allowed is", "from 1 to 100000"),
            ("workload:swaps?pools=many", "`pools` is `many`", "from 1 to 4096"),
            ("workload:erc20?hot=101", "`hot` is `101`", "from 0 to 100"),
            ("workload:erc20?accounts=3", "`accounts` is `3`", "from 16 to 2000000"),
            ("workload:erc20?dist=normal", "`dist` is `normal`", "uniform or zipf"),
            ("workload:erc20?zipf=1.2345", "`zipf` is `1.2345`", "from 0.1 to 3.0"),
            ("workload:erc20?zipf=-1", "`zipf` is `-1`", "from 0.1 to 3.0"),
            ("workload:erc20?dist=uniform&zipf=1", "but `dist` is uniform", "dist=zipf"),
            ("workload:compute?gas=1", "`gas` is `1`", "from 200000 to 16000000"),
            ("workload:edges?fork=dao", "`fork` is `dao`", "one of frontier, homestead"),
            ("workload:edges?case=none", "`case` is `none`", "one of transient, destroy-to-itself"),
            ("workload:edges?fork=london&case=bad-grants", "`case` is `bad-grants`", "one of"),
            ("workload:chain?txs=99999&blocks=9999", "at most 2000000", "lower txs or blocks"),
        ] {
            let error = text.parse::<WorkloadSpec>().expect_err(text);
            assert!(error.to_string().contains(what), "{text}: {error}");
            assert!(error.next_step().contains(step), "{text}: {}", error.next_step());
        }
    }
}
