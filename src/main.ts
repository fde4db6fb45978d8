#!/usr/bin/env node
/** Starts the server. Nothing is imported here before the version is checked: an older Node would fail inside with a riddle. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`Crossfade needs Node 22.18 or newer; this is ${process.versions.node}.\n`);
  process.exitCode = 1;
} else {
  const { serve } = await import('./server/process.ts');
  await serve(process.env);
}
