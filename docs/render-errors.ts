/** docs: the page of error codes, from the one table. */
import { errorDefinitions } from '../protocol/errors.ts'

export function renderErrors(): string {
  const rows = errorDefinitions.map(
    ({ code, name, retriable, message }) => `| ${code} | ${name} | ${retriable ? 'yes' : ''} | ${message} |`,
  )
  return `# Errors

Made by \`npm run docs\` from \`protocol/errors.ts\`: Kafka 4.3.1's codes, and whether a client may repeat the request unchanged.

| code | name | retriable | message |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}
