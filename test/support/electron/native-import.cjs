// Loaded by `require`, so that its `import` is Node's own: a built bundle must not go through the test runner's transform.
exports.nativeImport = (url) => import(url);
