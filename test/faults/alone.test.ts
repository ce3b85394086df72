import { shortForm } from './short-form.ts'

shortForm('SQLite', 'upstream', 'processes')
