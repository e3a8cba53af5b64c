/**
 * Bundles the command and the library entries into dist/ (or `--outdir DIR`), with types beside them for `--types`.
 *
 * All is one CommonJS file, in which each entry is run when it is asked for: so V8's code cache can hold it (src/runtime/code-cache.ts). The entries
 * are ES modules that pass its exports on, with a script beside each for those who require it; the command is a script that runs it.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

/**
 * How the command starts: a line for the shell that is a string and a comment for JavaScript. A plain `env node` can't pass Node flags, and
 * `env -S` is not everywhere (Alpine). Why these flags: docs/adr/0001-one-thread-collects.md; the variable is for glibc, others don't look at
 * it: docs/adr/0002-memory-used-again.md.
 */
const allocator = `export MALLOC_MMAP_THRESHOLD_="\${MALLOC_MMAP_THRESHOLD_:-131072}"`
const launcher = `#!/bin/sh
':' //; ${allocator}; exec node --single-threaded-gc --max-semi-space-size=4 "$0" "$@"
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
/** Run by Node without its loader of ES modules, which takes 1 MB of memory. */
const commands = new Set(['main'])
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
  minifyWhitespace: true,
  minifySyntax: true,
  format: 'cjs',
  packages: 'external',
  define: { 'import.meta.url': 'bundleUrl' },
  // What src/runtime/code-cache.ts runs is a function.
  banner: {
    js: "(function (exports, require, module, __filename, importModule) { const bundleUrl = require('node:url').pathToFileURL(__filename).href;",
  },
  footer: { js: '})' },
})
const script = bundle.text.replaceAll(/\bimport\("([\w@/-]+)"\)/g, 'importModule("$1")')
mkdirSync(flags.outdir, { recursive: true })
writeFileSync(`${flags.outdir}/odradek.cjs`, script)
const digest = createHash('sha256').update(script).digest('hex')
await build({
  ...common,
  ...inRoot(`
    import { join } from 'node:path'
    import { runBundle } from './src/runtime/code-cache.ts'
    module.exports = runBundle(join(__dirname, 'odradek.cjs'), '${digest}')`),
  outfile: `${flags.outdir}/entries.cjs`,
  format: 'cjs',
})
for (const [name, source] of Object.entries(entries)) {
  if (commands.has(name)) {
    const command = `${flags.outdir}/${name}.cjs`
    writeFileSync(command, `${launcher}require('./entries.cjs')[${JSON.stringify(name)}]()\n`)
    chmodSync(command, 0o755)
    // The name that scripts may know it by.
    writeFileSync(`${flags.outdir}/${name}.js`, `import './${name}.cjs'\n`)
    continue
  }
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
  if (names.length > 0)
    writeFileSync(
      `${flags.outdir}/${name}.cjs`,
      `module.exports = require('./entries.cjs')[${JSON.stringify(name)}]()\n`,
    )
  const start = `import entries from './entries.cjs'\n`
  const exported = `export const { ${names.join(', ')} } = entries[${JSON.stringify(name)}]()\n`
  writeFileSync(
    `${flags.outdir}/${name}.js`,
    start + (names.length > 0 ? exported : `entries[${JSON.stringify(name)}]()\n`),
  )
}
if (flags.types) {
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}
