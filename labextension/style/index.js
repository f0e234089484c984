import './base.css';
import './panel.css';
import './grid.css';
import './spec.css';
import './badge.css';
import './dialogs.css';
import './request.css';
import './compare.css';
