/** security: principals as configs name them: `User:alice`, several separated by semicolons. Source: Kafka's SecurityUtils. */
import { ConfigError } from '../config/index.ts'

/** @throws ConfigError for what is no principal */
export function parsePrincipals(config: string, text: string): string[] {
  const names = text.split(';').map((name) => name.trim())
  for (const name of names) {
    if (name === '' || name.includes(':')) continue
    throw new ConfigError(`${config}: ${name} is no principal: it must be of the form type:name, like User:${name}.`)
  }
  return names.filter((name) => name !== '')
}
