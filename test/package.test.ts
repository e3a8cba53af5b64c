/** What npm publishes is what package.json and the pages speak of. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { temporaryDirectory } from './broker/temporary-directory.ts'

const root = dirname(import.meta.dirname)
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Links of a page to other files, as paths from the root. */
function linksOf(page: string): string[] {
  return [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => posix.join(posix.dirname(page), target))
}

const isPublished = (path: string): boolean =>
  packageJson.files.some((pattern) =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replace('*', '[^/]*')}(/|$)`).test(path),
  )

describe('the package', () => {
  it('exports, and runs, what the build makes, with types of what it is made from', () => {
    const built = [...read('build.mjs').matchAll(/(\w+): '((?:src|protocol)\/[^']+)'/g)].map(([, name, source]) => ({
      default: `./dist/${name}.js`,
      require: `./dist/${name}.cjs`,
      types: `./dist/types/${source!.replace(/\.ts$/, '.d.ts')}`,
    }))
    const { './package.json': _page, ...byExport } = packageJson.exports
    expect(Object.keys(byExport)).toEqual(['.', './assignors', './protocol'])
    for (const target of Object.values(byExport)) expect(built).toContainEqual(target)
    expect(built.map((each) => each.require)).toContain(`./${packageJson.bin.odradek}`)
  })

  it("has a command that any shell starts, with the collector's flags and a variable for the allocator", async () => {
    const directory = await temporaryDirectory()
    execFileSync(process.execPath, ['build.mjs', '--outdir', `${directory}/dist`], { cwd: root })
    const tell = `${directory}/tell.cjs`
    writeFileSync(tell, 'console.log(process.execArgv.join(), process.env.MALLOC_MMAP_THRESHOLD_)')
    writeFileSync(`${directory}/package.json`, '{"type":"module"}')
    const environment = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, NODE_OPTIONS: `--require=${tell}` }
    const start = (env: NodeJS.ProcessEnv) =>
      execFileSync(`${directory}/dist/main.cjs`, ['--version'], { encoding: 'utf8', env: { ...environment, ...env } })
    const flags = '--single-threaded-gc,--max-semi-space-size=4'
    expect(start({})).toBe(`${flags} 131072\n${packageJson.version}\n`)
    expect(start({ MALLOC_MMAP_THRESHOLD_: '1000000' })).toBe(`${flags} 1000000\n${packageJson.version}\n`)
  })

  it('is required where no ES module can be, as in Jest, and is the same as when it is imported', async () => {
    const directory = await temporaryDirectory()
    const home = `${directory}/node_modules/odradek`
    execFileSync(process.execPath, ['build.mjs', '--outdir', `${home}/dist`], { cwd: root })
    copyFileSync(join(root, 'package.json'), `${home}/package.json`)
    symlinkSync(join(root, 'node_modules'), `${home}/node_modules`)
    const script = `
      const { startBroker } = require('odradek')
      const { messages } = require('odradek/protocol')
      const { kafkaJsAssigners } = require('odradek/assignors')
      import('odradek').then(async (imported) => {
        const broker = await startBroker({ memory: true, port: 0 })
        await broker.close()
        console.log(imported.startBroker === startBroker, 'metadata' in messages, 'sticky' in kafkaJsAssigners)
      })`
    const command = ['--no-experimental-require-module', '-e', script]
    const output = execFileSync(process.execPath, command, { cwd: directory, encoding: 'utf8' })
    expect(output).toBe('true true true\n')
  })

  it('starts without what a default start does not need', async () => {
    const directory = await temporaryDirectory()
    execFileSync(process.execPath, ['build.mjs', '--outdir', `${directory}/dist`], { cwd: root })
    writeFileSync(`${directory}/package.json`, '{"type":"module"}')
    symlinkSync(join(root, 'node_modules'), `${directory}/node_modules`)
    const tell = `${directory}/tell.cjs`
    const names = 'Object.keys(require.cache).concat(process.moduleLoadList)'
    writeFileSync(tell, `process.on('exit', () => console.log('loaded: ' + ${names}.join('|')))`)
    const command = [`--require=${tell}`, `${directory}/dist/main.cjs`, '--memory', '--port=0']
    const broker = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    for await (const text of broker.stdout.setEncoding('utf8')) {
      if (output === '') broker.kill('SIGTERM')
      output += text
    }
    if (broker.exitCode === null) await once(broker, 'exit')
    expect(output).toContain(' is ready at ')
    const loaded = [...output.matchAll(/node_modules\/((?:@[\w-]+\/)?[\w-]+)/g)].map(([, name]) => name)
    expect(new Set(loaded)).toEqual(new Set(['crc-32']))
    expect(output).toContain('|NativeModule net|')
    for (const name of ['tls', 'zlib', 'worker_threads', 'dns/promises']) {
      expect(output).not.toContain(`|NativeModule ${name}|`)
    }
  })

  it('holds every page that its README links to', () => {
    expect(linksOf('README.md').length).toBeGreaterThan(5)
    expect(linksOf('README.md').filter((path) => !isPublished(path))).toEqual([])
  })
})

describe('ARCHITECTURE.md', () => {
  const [, table] = read('ARCHITECTURE.md').split('## Runtime dependencies')
  it('says of every runtime dependency what it saves', () => {
    const dependencies = Object.keys({ ...packageJson.dependencies, ...packageJson.optionalDependencies })
    expect(dependencies.filter((name) => !table!.includes(`\`${name}\``))).toEqual([])
  })
})

describe('the pages', () => {
  it('link to files that are there', () => {
    const pages = [
      ...readdirSync(root),
      ...readdirSync(join(root, 'docs'), { recursive: true }).map((name) => `docs/${name}`),
    ]
    for (const page of pages.filter((name) => name.endsWith('.md')))
      expect(
        linksOf(page).filter((path) => !existsSync(join(root, path))),
        page,
      ).toEqual([])
  })
})
