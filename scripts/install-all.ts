// All steps of the guide in order, in one process. npm run install:all
import { readdirSync } from 'node:fs'
import { installAll } from '../lib/step.ts'

const steps = readdirSync(import.meta.dirname)
  .filter((name) => /^\d\d-.*\.ts$/.test(name))
  .sort()
  .map((name) => name.slice(0, -'.ts'.length))

await installAll(steps)
