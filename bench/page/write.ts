/** bench/page: `--page FILE...`: takes the figures of these files for the page, then writes it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { outdatedPages } from '../../docs/generate.ts'
import { looseEnds, resultsFile } from './page.ts'
import { merged, type Results } from './results.ts'

/** @param files written with `--json`; later ones go before earlier ones. @returns the exit code */
export async function writePage(files: readonly string[]): Promise<number> {
  if (files.length === 0) throw new Error('--page needs the files that were written with --json')
  const results = merged(files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Results))
  writeFileSync(resultsFile, `${JSON.stringify(results, undefined, 1)}\n`)
  for (const end of looseEnds(results.rows)) console.error(`bench: ${end}`)
  for (const file of outdatedPages(join(import.meta.dirname, '../../docs'), true)) console.log(`wrote ${file}`)
  return 0
}
