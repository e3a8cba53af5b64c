/**
 * Writes the pages that are made from tables in the source and from measured figures. `--check` writes nothing and exits with 1 when a
 * page is out of date. A new page is a row of `pages`.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { renderPerformance } from '../bench/page/page.ts'
import { renderApis } from './render-apis.ts'
import { renderConfigs } from './render-configs.ts'
import { renderErrors } from './render-errors.ts'

const pages: readonly (() => Iterable<[file: string, text: string]>)[] = [
  () => [['apis.md', renderApis()]],
  () => [['configs.md', renderConfigs()]],
  () => [['errors.md', renderErrors()]],
  renderPerformance,
]
/** Holds nothing but what is made here. */
const madeFolders = ['performance']

/** Names of the files in `folder` that differ from what would be written now; with `write` they are brought up to date. */
export function outdatedPages(folder: string, write: boolean): string[] {
  const outdated: string[] = []
  const made = new Map(pages.flatMap((render) => [...render()]))
  for (const [file, text] of made) {
    const path = join(folder, file)
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    outdated.push(`docs/${file}`)
    if (!write) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  const left = madeFolders
    .filter((name) => existsSync(join(folder, name)))
    .flatMap((name) => readdirSync(join(folder, name)).map((file) => `${name}/${file}`))
    .filter((file) => !made.has(file))
  for (const file of left) {
    outdated.push(`docs/${file}`)
    if (write) rmSync(join(folder, file))
  }
  return outdated
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const check = process.argv.includes('--check')
  const outdated = outdatedPages(import.meta.dirname, !check)
  for (const file of outdated) console.log(check ? `${file} is out of date: run npm run docs` : `wrote ${file}`)
  if (check && outdated.length > 0) process.exitCode = 1
}
