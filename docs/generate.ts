/**
 * Writes the pages that are made from tables in the source. `--check` writes nothing and exits with 1 when a page is out of date.
 * A new page is a row of `pages`.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { renderApis } from './render-apis.ts'
import { renderConfigs } from './render-configs.ts'
import { renderErrors } from './render-errors.ts'

const pages: readonly { file: string; render: () => string }[] = [
  { file: 'apis.md', render: renderApis },
  { file: 'configs.md', render: renderConfigs },
  { file: 'errors.md', render: renderErrors },
]

/** Names of the pages in `folder` that differ from what would be written now; with `write` they are brought up to date. */
export function outdatedPages(folder: string, write: boolean): string[] {
  const outdated: string[] = []
  for (const { file, render } of pages) {
    const path = join(folder, file)
    const text = render()
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    outdated.push(`docs/${file}`)
    if (write) writeFileSync(path, text)
  }
  return outdated
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const check = process.argv.includes('--check')
  const outdated = outdatedPages(import.meta.dirname, !check)
  for (const file of outdated) console.log(check ? `${file} is out of date: run npm run docs` : `wrote ${file}`)
  if (check && outdated.length > 0) process.exitCode = 1
}
