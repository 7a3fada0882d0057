// The packages' prepublishOnly script: what is published are the tarballs of `npm run pack:all`, whose manifests name
// the binary packages and whose files were checked.
console.error('Run npm run pack:all in the root folder and publish its tarballs, the binary packages first.')
process.exit(1)
