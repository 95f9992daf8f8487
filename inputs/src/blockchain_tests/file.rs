//! What a file of blockchain tests holds, as it stands there; other fields are passed over.

use crate::{entries::Entries, text::Text};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use std::fmt;

/// Cases by their names.
pub(super) type CaseFiles<'a> = Entries<Text<'a>, CaseFile<'a>>;

/// One case.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CaseFile<'a> {
    #[serde(borrow)]
    pub(super) network: Text<'a>,
    #[serde(borrow)]
    pub(super) pre: AccountFiles<'a>,
    #[serde(borrow)]
    pub(super) genesis_block_header: GenesisHeader<'a>,
    #[serde(borrow, rename = "genesisRLP")]
    pub(super) genesis_rlp: Text<'a>,
    #[serde(borrow)]
    pub(super) blocks: Vec<BlockFile<'a>>,
    #[serde(borrow, rename = "lastblockhash")]
    pub(super) last_block_hash: Text<'a>,
    /// All of the state at the end, or else its root.
    #[serde(borrow, default)]
    pub(super) post_state: Option<AccountFiles<'a>>,
    #[serde(borrow, default)]
    pub(super) post_state_hash: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) config: Option<Config<'a>>,
}

/// Accounts by address.
pub(super) type AccountFiles<'a> = Entries<Text<'a>, AccountFile<'a>>;

/// Of the genesis header, which is also there as RLP, only its name.
#[derive(Debug, Deserialize)]
pub(super) struct GenesisHeader<'a> {
    #[serde(borrow)]
    pub(super) hash: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AccountFile<'a> {
    #[serde(borrow)]
    pub(super) balance: Text<'a>,
    #[serde(borrow)]
    pub(super) nonce: Text<'a>,
    #[serde(borrow)]
    pub(super) code: Text<'a>,
    #[serde(borrow)]
    pub(super) storage: Entries<Text<'a>, Text<'a>>,
}

/// The chain's settings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config<'a> {
    #[serde(borrow, default, rename = "chainid")]
    pub(super) chain_id: Option<Text<'a>>,
    /// By the name of the fork.
    #[serde(borrow, default)]
    pub(super) blob_schedule: Option<Entries<Text<'a>, BlobFile<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlobFile<'a> {
    #[serde(borrow)]
    pub(super) target: Text<'a>,
    #[serde(borrow)]
    pub(super) max: Text<'a>,
    #[serde(borrow)]
    pub(super) base_fee_update_fraction: Text<'a>,
}

/// A block: its bytes, and what is to come of it.
#[derive(Debug)]
pub(super) struct BlockFile<'a> {
    pub(super) rlp: Text<'a>,
    /// Whether its parts are there as well: not so where the bytes are no valid block.
    pub(super) has_header: bool,
    /// What follows `expectException` in the field's name, and its value.
    pub(super) exceptions: Vec<(String, String)>,
}

const EXCEPTION: &str = "expectException";

impl BlockFile<'_> {
    /// Returns why the block is there to be refused on a network.
    pub(super) fn expects_invalid(&self, network: &str) -> Option<String> {
        let is_meant = |on: &str| on.is_empty() || on == "ALL" || on == network;
        let meant = self.exceptions.iter().find(|(on, _)| is_meant(on));
        let without_parts = || (!self.has_header).then(|| "malformed".to_owned());
        meant.map(|(_, exception)| exception.clone()).or_else(without_parts)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for BlockFile<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BlockVisitor)
    }
}

struct BlockVisitor;

impl<'de> Visitor<'de> for BlockVisitor {
    type Value = BlockFile<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut rlp, mut has_header, mut exceptions) = (None, false, Vec::new());
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let key = key.as_str();
            if key == "rlp" {
                if rlp.replace(map.next_value()?).is_some() {
                    return Err(A::Error::duplicate_field("rlp"));
                }
            } else if let Some(network) = key.strip_prefix(EXCEPTION) {
                exceptions.push((network.to_owned(), map.next_value()?));
            } else {
                has_header |= key == "blockHeader";
                map.next_value::<IgnoredAny>()?;
            }
        }
        let rlp = rlp.ok_or_else(|| A::Error::missing_field("rlp"))?;
        Ok(BlockFile { rlp, has_header, exceptions })
    }
}
