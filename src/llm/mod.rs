//! Models: files, headers, fetching, the cache, synthetic models, and the engine that runs them.

mod cache;
mod checked;
mod concerns;
mod context_memory;
mod conversation;
pub mod engine;
pub mod fetch;
mod file_type;
pub mod gguf;
mod gpu_profile;
mod hyperparameters;
mod inspect;
mod kv_cache;
mod model_files;
mod model_kind;
mod model_ref;
mod outline;
mod page_cache;
mod script;
mod soundness;
pub mod synth;

pub use cache::{CACHE_VARIABLE, CacheError, CachedModel, ModelCache, user_cache_folder};
pub use checked::{CheckKey, CheckedModels};
pub use context_memory::ContextMemory;
pub use conversation::{ChatMessage, ChatRole, Conversation, app_prompt, zephyr_prompt};
pub use gpu_profile::{GpuProfile, ProfileDifference, ResolvedProfile};
pub use hyperparameters::{Hyperparameters, PerBlock};
pub use inspect::{FACTS_SCHEMA, InspectError, ModelFacts, ModelFactsError, PartBytes, TypeCensus};
pub use kv_cache::{KvBytes, KvCache};
pub use model_files::{ModelFiles, ModelFilesError, part_paths};
pub use model_kind::ModelKind;
pub use model_ref::{ModelRef, ModelRefError, fetched_file};
pub use outline::ModelOutline;
pub use page_cache::{PageCacheError, cached_share, drop_from_cache, read_through};
pub use script::{Script, ScriptError};
pub use soundness::{ModelFault, check_soundness};
