// `npm run docs:http`: writes the routes of a Data Plane into docs/http-api.md, as the table of routes has them. A spec holds the page to it.
import { writeFileSync } from 'node:fs';
import { HTTP_API_PAGE, httpApiDocument, httpApiPage } from '../.build/spec/support/httpApiText.js';

writeFileSync(HTTP_API_PAGE, await httpApiPage(await httpApiDocument()));
