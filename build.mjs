/** Bundles the command and the library entries into dist/ (or `--outdir DIR`), with types beside them for `--types`. */
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

/**
 * How the command starts: a line for the shell that is a string and a comment for JavaScript. A plain `env node` can't pass Node a flag, and
 * `env -S` is not everywhere (Alpine). Why the flag: docs/adr/0001-one-thread-collects.md.
 */
const launcher = `#!/bin/sh
':' //; exec node --single-threaded-gc "$0" "$@"
`

const { values: flags } = parseArgs({
  options: { outdir: { type: 'string', default: 'dist' }, types: { type: 'boolean', default: false } },
})
rmSync(flags.outdir, { recursive: true, force: true })
await build({
  entryPoints: {
    main: 'src/main.ts',
    broker: 'src/broker.ts',
    protocol: 'protocol/index.ts',
    'compaction-thread': 'src/compaction-thread.ts',
    assignors: 'src/groups/assignors/index.ts',
  },
  outdir: flags.outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  chunkNames: 'chunks/[name]-[hash]',
  legalComments: 'none',
  logLevel: 'warning',
})
const command = `${flags.outdir}/main.js`
writeFileSync(command, launcher + readFileSync(command, 'utf8').replace(/^#!.*\n/, ''))
chmodSync(command, 0o755)
if (flags.types) {
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}
