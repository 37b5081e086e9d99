//! From the API server or a bundle to the model. With `deploy`, the only module that names `kube::`.
