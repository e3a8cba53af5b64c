/**
 * Bundles the command and the library entries into dist/ (or `--outdir DIR`), with types beside them for `--types`.
 *
 * All is one CommonJS file, in which each entry is run when it is asked for: so V8's code cache can hold it (src/runtime/code-cache.ts). The entries
 * are ES modules that pass its exports on.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

/**
 * How the command starts: a line for the shell that is a string and a comment for JavaScript. A plain `env node` can't pass Node flags, and
 * `env -S` is not everywhere (Alpine). Why these flags: docs/adr/0001-one-thread-collects.md.
 */
const launcher = `#!/bin/sh
':' //; exec node --single-threaded-gc --max-semi-space-size=4 "$0" "$@"
`

const { values: flags } = parseArgs({
  options: { outdir: { type: 'string', default: 'dist' }, types: { type: 'boolean', default: false } },
})
const entries = {
  main: 'src/main.ts',
  broker: 'src/broker.ts',
  protocol: 'protocol/index.ts',
  'compaction-thread': 'src/compaction-thread.ts',
  assignors: 'src/groups/assignors/index.ts',
}
const common = { bundle: true, platform: 'node', target: 'node20', legalComments: 'none', logLevel: 'warning' }
const inRoot = (contents) => ({ stdin: { contents, resolveDir: import.meta.dirname } })

rmSync(flags.outdir, { recursive: true, force: true })
const byName = Object.entries(entries).map(([name, source]) => `${JSON.stringify(name)}: () => require('./${source}')`)
const {
  outputFiles: [bundle],
} = await build({
  ...common,
  ...inRoot(`module.exports = { ${byName.join(', ')} }`),
  write: false,
  format: 'cjs',
  packages: 'external',
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
})
const script = bundle.text.replaceAll(/\bimport\("([\w@/-]+)"\)/g, 'importModule("$1")')
mkdirSync(flags.outdir, { recursive: true })
writeFileSync(`${flags.outdir}/odradek.cjs`, script)
const digest = createHash('sha256').update(script).digest('hex')
await build({
  ...common,
  ...inRoot(`
    import { fileURLToPath } from 'node:url'
    import { runBundle } from './src/runtime/code-cache.ts'
    export const entries = runBundle(fileURLToPath(new URL('./odradek.cjs', import.meta.url)), '${digest}')`),
  outfile: `${flags.outdir}/entries.js`,
  format: 'esm',
})
for (const [name, source] of Object.entries(entries)) {
  const { metafile } = await build({
    ...common,
    entryPoints: [source],
    outdir: flags.outdir,
    format: 'esm',
    packages: 'external',
    metafile: true,
    write: false,
  })
  const names = Object.values(metafile.outputs)[0].exports
  const start = `import { entries } from './entries.js'\n`
  const exported = `export const { ${names.join(', ')} } = entries[${JSON.stringify(name)}]()\n`
  writeFileSync(
    `${flags.outdir}/${name}.js`,
    start + (names.length > 0 ? exported : `entries[${JSON.stringify(name)}]()\n`),
  )
}
const command = `${flags.outdir}/main.js`
writeFileSync(command, launcher + readFileSync(command, 'utf8'))
chmodSync(command, 0o755)
if (flags.types) {
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}
