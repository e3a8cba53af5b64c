/** docs: the page of APIs, from the declarations and the one list of handlers. */
import { apis } from '../protocol/messages/index.ts'
import type { VersionRange } from '../protocol/schema/index.ts'
import { handlers } from '../src/handlers/index.ts'

const range = ({ first, last }: VersionRange): string => (first === last ? `${first}` : `${first}-${last}`)

export function renderApis(): string {
  const served = new Map(handlers.map(({ api, versions }) => [api.key, versions]))
  const rows = apis.map(({ key, name, versions, flexible }) => {
    const here = served.get(key)
    const compact = flexible.last < 0 ? 'none' : `${flexible.first}+`
    return `| ${key} | ${name} | ${here === undefined ? 'no' : range(here)} | ${range(versions)} | ${compact} |`
  })
  return `# APIs

Made by \`npm run docs\` from the declarations in \`protocol/messages/\` and the list in \`src/handlers/index.ts\`, which also answers ApiVersions.

**served**: the versions that the broker answers and advertises; a request of another version, or of an API that is not served, closes the
connection, as Kafka does (an unknown version of ApiVersions is answered with UNSUPPORTED_VERSION). **codec**: the versions that \`odradek/protocol\`
reads and writes: all of Kafka 4.3 and those that Kafka 3.9 still had. **flexible**: from that version on with compact forms and tagged fields (KIP-482).

${handlers.length} of ${apis.length} APIs are served.

| key | API | served | codec | flexible |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}
