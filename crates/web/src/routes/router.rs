//! The router, made from the table. The only place where routes are added to one.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;

use super::not_found::{no_such_address, no_such_method};
use super::{Route, RouteTable};
use crate::guard::{Guards, RouteGuard, RouteRules, admit, surround};

impl<S: Clone + Send + Sync + 'static> RouteTable<S> {
    /// The router of all routes, each behind its own guard and all behind those of every request.
    pub fn into_router(self, state: S, guards: &Arc<Guards>) -> Router {
        let mut addresses: BTreeMap<String, MethodRouter<S>> = BTreeMap::new();
        for route in self.routes {
            let path = route.path.clone();
            let methods = addresses.remove(&path).unwrap_or_default();
            addresses.insert(path, methods.merge(guarded(route, guards)));
        }
        let router =
            addresses.into_iter().fold(Router::new(), |router, (path, methods)| router.route(&path, methods));
        let router = router.method_not_allowed_fallback(no_such_method).fallback(no_such_address);
        surround(router.with_state(state), guards)
    }
}

fn guarded<S: Clone + Send + Sync + 'static>(route: Route<S>, guards: &Arc<Guards>) -> MethodRouter<S> {
    let Route { access, body, is_metered, handler, .. } = route;
    let rules = Arc::new(RouteRules { access, body, is_metered });
    let guard = RouteGuard { guards: Arc::clone(guards), rules };
    // Not around the fallback: who asks with a wrong method is told so without being let in.
    handler.route_layer(from_fn_with_state(guard, admit))
}
