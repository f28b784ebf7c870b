//! Who else may see a dataset.

use gradus_domain::DatasetId;

super::share_table!("dataset_share", dataset_id, DatasetId, DatasetId);
