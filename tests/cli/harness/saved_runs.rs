//! Saved runs with one figure each, in the CSV format read by a comparison.

/// The columns of schema 1.1.
pub(crate) const HEADER: &str = "schema,run_id,command,case,metric,unit,value,n,spread,ci_low,ci_high,direction,status,started,run_state,\
                      fingerprint,power,version,commit,target,profile,features,subject,simulated,rows";

/// A saved run with one figure, `applied/poisson:50/100B p50`; unspecified values are the same in all.
#[derive(Clone)]
pub(crate) struct Saved {
    pub(crate) id: String,
    pub(crate) minute: usize,
    pub(crate) value: String,
    pub(crate) unit: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) status: &'static str,
    pub(crate) schema: &'static str,
    pub(crate) state: &'static str,
    pub(crate) fingerprint: &'static str,
    pub(crate) profile: &'static str,
    pub(crate) subject: &'static str,
}

impl Saved {
    fn row(&self) -> String {
        let Self { id, minute, value, unit, metric, status, schema, state, fingerprint, profile, subject } = self;
        let (hour, minute) = (3 + minute / 60, minute % 60);
        format!(
            "{schema},{id},ipc,applied/poisson:50/100B,{metric},{unit},{value},1000,,,,lower,{status},\
             2026-01-02T{hour:02}:{minute:02}:05Z,{state},{fingerprint},performance,0.1.0,0123abc,x86_64-unknown-linux-gnu,{profile},\
             llama,{subject},,1\n"
        )
    }
}

/// Eight runs around `middle` ms, one minute apart from `minute` on.
pub(crate) fn saved(name: &str, minute: usize, middle: f64) -> Vec<Saved> {
    let parts = [-0.004, 0.003, 0.001, -0.002, 0.004, -0.001, 0.002, -0.003];
    let run = |(at, part): (usize, &f64)| Saved {
        id: format!("{name}-{at}"),
        minute: minute + at,
        value: (middle * (1.0 + part)).to_string(),
        unit: "ms",
        metric: "p50",
        status: "ok",
        schema: "1.1",
        state: "complete",
        fingerprint: "9f86d081884c7d65",
        profile: "release",
        subject: "bridge=remote dialect=stock",
    };
    parts.iter().enumerate().map(run).collect()
}

/// The runs as one file.
pub(crate) fn text(runs: &[Saved]) -> String {
    let rows: Vec<String> = runs.iter().map(Saved::row).collect();
    format!("{HEADER}\n{}", rows.concat())
}
