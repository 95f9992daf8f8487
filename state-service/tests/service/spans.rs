//! Spans of a seal: below the caller's, with its parts below it.

use crate::values::{GENESIS, credit, genesis, seal};
use engine::ids::BootId;
use proto::state::{SealRequest, StateService};
use state_service::{StateShard, config::StateConfig};
use std::sync::{Arc, Mutex};
use tracing::{Instrument, Subscriber, info_span, span};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    registry::LookupSpan,
};

/// A span's id, name and parent.
type Seen = (u64, &'static str, Option<u64>);

/// Every span that there was.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<Vec<Seen>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let span = ctx.span(id).unwrap();
        let parent = span.parent().map(|parent| parent.id().into_u64());
        let name = attributes.metadata().name();
        self.0.lock().unwrap().push((id.into_u64(), name, parent));
    }
}

impl Recorder {
    fn children_of(&self, parent: u64) -> Vec<(u64, &'static str)> {
        let spans = self.0.lock().unwrap();
        let children = spans.iter().filter(|(_, _, of)| *of == Some(parent));
        children.map(|(id, name, _)| (*id, *name)).collect()
    }
}

#[actix::test]
async fn a_seal_is_below_its_caller_and_has_fold_and_root_below_it() {
    let recorder = Recorder::default();
    let subscriber = tracing_subscriber::registry().with(recorder.clone());
    // For all threads: the work is done on those of the shard.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let state = StateShard::new(BootId::new(1), StateConfig::default()).start().unwrap();
    state.load_genesis(genesis()).await.unwrap();
    let caller = info_span!("caller");
    // Open to the end, so that its id is not given again.
    let id = caller.id().unwrap().into_u64();

    let request = SealRequest { values: credit(1), ..seal(1, GENESIS, &credit(1)) };
    state.seal(request).instrument(caller.clone()).await.unwrap();

    let children = recorder.children_of(id);
    let [(seal, "seal")] = children[..] else { panic!("{children:?}") };
    let parts: Vec<_> = recorder.children_of(seal).into_iter().map(|(_, name)| name).collect();
    assert_eq!(parts, ["fold", "root"]);
}
